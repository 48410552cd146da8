import unittest
from unittest import mock

import teaching

CELLS = {"score": "accuracy/loss: 0.6995/0.8956\n10000 test images", "gap": "train 0.8198"}


class Teaching(unittest.TestCase):
    def problems(self, part):
        with mock.patch.object(teaching, "cells", return_value=CELLS), mock.patch.object(teaching, "code_cells", return_value=list(CELLS)):
            return list(teaching.check_part(part))

    def test_numbers(self):
        cases = {
            "0.6995 of 10,000, see [04-evaluate](../04-evaluate.ipynb) `score`": 0,
            "两个单元，0.6995与0.8198：04-evaluate `score` `gap`": 0,
            "0.6995 and no cell": 1,
            "0.699 04-evaluate `score`": 1,  # a part of a number is not the number
            "6995 of them, 04-evaluate `score`": 1,
            "0.70 04-evaluate `score`": 1,
            "0.6995 04-evaluate `missing`": 2,  # the cell and the number
            "0.6995 09-nothing `score`": 2,
            "9 of 64 weights": 0,
            "0.6995 and 0.8198, 04-evaluate `score` [1] `gap` [2]": 0,
            "04-evaluate `gap` [1] `score`": 1,
            "04-evaluate `score` [0]": 1,
            "04-evaluate `score` [3]": 1,
            "62% 04-evaluate `score`": 1,
            "`0.1234` ![w:700](../drawings/x.svg) <!-- 0.5678 -->": 0,
            "4.85 <!-- 4.85 = log(100) + 0.7**2 / 2 -->": 0,
            "4.86 <!-- 4.86 = log(100) + 0.7**2 / 2 -->": 1,
        }
        for part, count in cases.items():
            with self.subTest(part):
                self.assertEqual(len(self.problems(part)), count, self.problems(part))

    def test_parts(self):
        self.assertEqual(len(teaching.parts("---\nmarp: true\n---\n# a\n\n---\n\n# b\n## c\n")), 2)
        self.assertEqual(len(teaching.parts("# a\ntext\n## b\n\n**1.** one\n\n**2.** two\n")), 5)  # the first is empty

    def test_changed_sources(self):
        now = {"slides.md": "1", "slides.pdf": "2"}
        with mock.patch.object(teaching, "digests", return_value=now), mock.patch.object(teaching.Path, "read_text", return_value="1  slides.md\n2  slides.pdf\n"):
            self.assertEqual(list(teaching.check_digests()), [])
            now["slides.md"] = "3"
            self.assertIn("slides.md", next(teaching.check_digests()))


if __name__ == "__main__":
    unittest.main()
