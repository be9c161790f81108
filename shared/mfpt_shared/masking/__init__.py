"""Masks: a coordinator adds up the updates of a cohort and reads none of them.

Every member of a cohort adds pseudorandom integers to its update, which cancel in the sum. The parts, in the order of
their use:

    grid        updates as small integers, and sums of them as a mean update again
    streams     keys that two members agree on, and the pseudorandom integers that follow from a key
    shamir      secrets split into key shares, of which some number give the secret back, and fewer tell nothing
    envelopes   key shares on their way from member to member, past the coordinator
    member      one device's part in a cohort, and what it refuses
    collector   the coordinator's part: the sum without its masks
    cohort      what all of them must agree on
    release     noise on an update, for a reader or for a sum
    noise       the distribution of that noise, drawn exactly

Nothing here knows a clock, a disk or a network; randomness is passed in.

Source: Bonawitz et al. 2017, "Practical secure aggregation for privacy-preserving machine learning", CCS, figure 4,
against a coordinator that is honest but curious.
"""
