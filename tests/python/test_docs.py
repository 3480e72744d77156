# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/python.md do what the page says."""
import doctest
import os
import re
import tempfile
import unittest

PAGE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "docs", "python.md")


class Docs(unittest.TestCase):
    def test_examples(self):
        with open(PAGE, encoding="utf-8") as file:
            text = re.sub("^```.*$", "", file.read(), flags=re.M)
        page = doctest.DocTestParser().get_doctest(text, {}, "docs/python.md", PAGE, 0)
        self.assertGreater(len(page.examples), 20)
        here = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                report = []
                result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(
                    page, out=report.append)
            finally:
                os.chdir(here)
        self.assertEqual(result.failed, 0, "".join(report))


if __name__ == "__main__":
    unittest.main()
