# SPDX-License-Identifier: Apache-2.0
"""The structs and words of python/atelier.py are those of the public headers."""
import ctypes
import os
import subprocess
import unittest

import atelier

# structs that Python neither passes nor reads
LEFT_OUT = {"atl_layer_time", "atl_profile", "atl_numpy_rng"}
LEFT_OUT |= {"atl_train_options", "atl_train_field", "atl_train_phase", "atl_train_cost", "atl_train_state",
             "atl_train_stat", "atl_train_set"}


class Layouts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.structs, cls.enums = {}, {}
        out = subprocess.run([os.environ["ATELIER_LAYOUTS"]], check=True, capture_output=True, text=True).stdout
        for kind, name, *rest in map(str.split, out.splitlines()):
            if kind == "struct":
                cls.structs[name] = (int(rest[0]), [])
            elif kind == "field":
                cls.structs[name][1].append((rest[0], int(rest[1]), int(rest[2])))
            else:
                cls.enums.setdefault(name, []).append((rest[0], int(rest[1])))

    def test_each_struct_has_the_fields_of_its_header(self):
        for name, python in atelier._STRUCTS.items():
            with self.subTest(name):
                size, fields = self.structs[name]
                ours = [(field, getattr(python, field).offset, getattr(python, field).size)
                        for field, _ in python._fields_]
                self.assertEqual(ours, fields, f"{python.__name__} of python/atelier.py is not struct {name}")
                self.assertEqual(ctypes.sizeof(python), size, f"sizeof {name}")

    def test_no_struct_is_forgotten(self):
        unknown = set(self.structs) - set(atelier._STRUCTS) - LEFT_OUT
        self.assertFalse(unknown, f"new structs of the headers: {unknown}; add them to _STRUCTS of python/atelier.py,"
                                  " or to LEFT_OUT here")
        self.assertFalse(LEFT_OUT - set(self.structs), "LEFT_OUT names structs that are gone")

    def test_words_are_the_enumerators(self):
        for name, words in atelier._ENUMS.items():
            with self.subTest(name):
                rows = self.enums[name]
                self.assertIn(len(rows) - len(words), (0, 1), f"{name}: {words} against {rows}")
                for value, word in enumerate(words):
                    constant, number = rows[value]
                    self.assertEqual(number, value)
                    self.assertTrue(constant.lower().endswith("_" + word.replace("-", "_")) or
                                    (constant, word) == ("ATL_CROP_CENTER_WIDE", "center-wide"), (constant, word))

    def test_every_function_is_declared_in_a_header(self):
        folder = os.environ["ATELIER_HEADERS"]
        text = ""
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text += file.read()
        for name in atelier._FUNCTIONS:
            self.assertIn(f"{name}(", text)


if __name__ == "__main__":
    unittest.main()
