# SPDX-License-Identifier: Apache-2.0
"""The structs and words of python/atelier.py are those of the public headers."""
import ctypes
import os
import re
import subprocess
import unittest

import atelier

# structs that Python neither passes nor reads
LEFT_OUT = {"atl_layer_time", "atl_profile", "atl_numpy_rng", "atl_generate_options"}
LEFT_OUT |= {"atl_congeal_train_options", "atl_congeal_train_state"}  # the program learns to align
LEFT_OUT |= {"atl_ranks_options"}  # groups of processes are launched programs
LEFT_OUT |= {"atl_train_options"}  # its members are reached through the library's own table
SCALARS = {"size_t": ctypes.c_size_t, "int64_t": ctypes.c_int64, "uint32_t": ctypes.c_uint32,
           "double": ctypes.c_double, "float": ctypes.c_float, "int": ctypes.c_int}


def kind(parameter):
    """What a C parameter is to a caller, by its declaration."""
    words = parameter.replace("const ", "").split()
    if "*" in parameter or "[" in parameter:
        return "pointer"
    return {"enum": "int"}.get(words[0], words[0] if words[0] in SCALARS else "int")  # our own types are enums


def kind_of(ctype):
    return next((name for name, scalar in SCALARS.items() if ctype is scalar), "pointer")


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

    def test_functions_take_what_the_headers_say(self):
        folder, text = os.environ["ATELIER_HEADERS"], ""
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text += re.sub(r"//[^\n]*", " ", file.read())
        declared = dict(re.findall(r"ATL_API [^;(]*?(atl_\w+)\(((?:[^()]|\([^()]*\))*)\)", text))
        for name, (_, arguments) in atelier._FUNCTIONS.items():
            with self.subTest(name):
                self.assertIn(name, declared)
                outside = re.sub(r"\([^()]*\)", "", re.sub(r"\(\*\w+\)", "*", declared[name]))
                theirs = [] if outside.strip() == "void" else outside.split(",")
                self.assertEqual([kind(parameter) for parameter in theirs], [kind_of(type) for type in arguments])


if __name__ == "__main__":
    unittest.main()
