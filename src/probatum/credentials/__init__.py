"""Credentials in bytes: which kinds there are, where one stands, and whether its parts agree.

`kinds` reads the rules, `places` finds the few places worth a look, `search` says what stands
there, `layers` undoes encodings, and `sums` knows the checksums that issuers write into their
tokens. Nothing here keeps or shows a value: who asks gets places.
"""
