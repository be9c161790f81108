"""The volunteer's page: a local web server beside the terminal view, which shows and steers what runs on this machine.

It decides and remembers nothing: it reads what a device says on its control socket and in its state folder, and gives
the orders that the shell gives.
"""
