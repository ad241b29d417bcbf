"""
Faults, by the numbers under which the project speaks of them: where each is injected, and its control.

"Release" is test_release.py: real processes, killed, with Redis and a PostgreSQL that writes to the disk, as
in production. A control is the same fault with a guard taken off, which must turn ``verify_books`` red.

    fault                                   test                                     control: without
    F1   a child killed in a chunk          Release: a_child_that_is_killed          transactions
    F2   a worker killed                    Release: a_worker_that_is_killed         transactions
    F4   PostgreSQL restarted four times    Release: restarted_four_times            transactions
    F6   connections ended at random        Release: connections_are_ended           transactions
    F9   Redis restarted empty              Release: redis_loses_everything[F9]      beat
    F10  Redis emptied                      Release: redis_loses_everything[F10]     beat
    F12  a message taken for lost too soon  Release: taken_for_lost                  claims
    F13  a message doubled                  Release: a_doubled_message               claims
    F14  three beats                        Release: three_beats                     claims
    F15  beat dead for days                 test_beat_down.py                        the count of days late
    F16  started in three ways at once      Release: started_in_three_ways           claims
    F18  a time limit in a chunk            Release: runs_out_of_time                transactions
    F23  death while a file is made         test_payment_files.py                    transactions
    F26  people against the release         payouts/test_people_at_once.py           swaps and marks, each
    F27  terms published during a run       payouts/test_people_at_once.py           frozen terms and windows

Single pairs of F26 with a control each are in payouts/test_races.py and payouts/test_batch_races.py as well.
"""
