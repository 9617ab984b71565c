"""Other tools at workloads (a) and (b), each as its own documentation has it, on the same pages as ours.

All of them do less: nothing is remembered in a database, nothing is sent, nothing is validated or reported. They
compare what the two systems say now (and, the loop of dictionaries, what both said before). Their records are made flat
and comparable by the few lines of `stock`, without any checks.
"""
