"""Closed intervals of whole numbers, as (first, last) pairs."""


def merge(intervals):
    """The intervals as few as possible, in order: overlapping and touching ones become one."""
    merged = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return merged


def length(intervals):
    """How many whole numbers the intervals cover."""
    return sum(last - first + 1 for first, last in merge(intervals))
