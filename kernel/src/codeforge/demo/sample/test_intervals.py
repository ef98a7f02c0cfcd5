import unittest

from intervals import length, merge


class MergeTest(unittest.TestCase):
    def test_overlapping_intervals_become_one(self):
        self.assertEqual(merge([(1, 4), (3, 6)]), [(1, 6)])

    def test_touching_intervals_become_one(self):
        self.assertEqual(merge([(1, 2), (3, 4)]), [(1, 4)])

    def test_an_interval_inside_another_disappears(self):
        self.assertEqual(merge([(1, 9), (2, 3)]), [(1, 9)])

    def test_length_counts_every_number_once(self):
        self.assertEqual(length([(1, 4), (3, 6), (8, 8)]), 7)


if __name__ == "__main__":
    unittest.main()
