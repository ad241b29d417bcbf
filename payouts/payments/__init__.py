"""
What happens to a payout on its way to the referrer.

    steps         the only writer of a payout's status: many at once, swapped on the status that was seen
    candidates    what could be paid now by a method, and what drops out and why
    files         payment files: made, downloaded, uploaded, voided, in doubt
    orders        payments that go over the network: written, and what comes of each call
    sending       the calls themselves
    credits       what is released as account balance, where the host keeps the balances
    notices       what the host tells of its credits unasked
    doubts        two people say whether a payment of which nothing is known was sent
    reports       what the bank or payment service says: confirmed, failed, returned
    returns       two people say that a payment over the network came back after it had arrived
    reissues      what failed or came back is tried again, by a payout of its own
"""
