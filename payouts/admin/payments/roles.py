"""Who may do what with payments; a person of each of two roles is needed from a bonus to the bank."""

PREPARE = "payouts.prepare_paymentfile"
APPROVE = "payouts.approve_paymentfile"
SET_DESTINATION = "payouts.set_destination"
CONFIRM_DESTINATION = "payouts.confirm_destination"
SET_TAX_FORM = "payouts.set_taxform"
SET_METHOD = "payouts.close_payoutmethod"
