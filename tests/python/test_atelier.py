# SPDX-License-Identifier: Apache-2.0
"""python/atelier.py against the program, against recorded numbers, and against mistakes."""
import gc
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import zipfile

import numpy as np

import atelier

DATA = os.environ["ATL_TEST_DATA"]
PROGRAM = os.environ["ATELIER_PROGRAM"]


def data(*names):
    return os.path.join(DATA, *names)


def program(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def distance(a, truth):
    """Relative L2."""
    return np.linalg.norm((a - truth).astype(np.float64)) / np.linalg.norm(truth.astype(np.float64))


def resident():
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, *names):
        return os.path.join(self.folder, *names)


class Generate(Folder):
    def pictures(self, network, seeds, *options):
        program("generate", "--network", network, "--seeds", ",".join(map(str, seeds)), "--outdir", self.folder,
                "--quiet", *options)
        return np.stack([atelier.read_image(self.path(f"seed{seed:04d}.png")) for seed in seeds])

    def same(self, network, seeds, options, **arguments):
        with atelier.Model.open(network) as model:
            ours = model.generate(seeds, **arguments)
        np.testing.assert_array_equal(ours, self.pictures(network, seeds, *options))

    def test_is_the_programs_to_the_byte(self):
        self.same(atelier.portraits(), [0, 85, 4294967295], [])

    def test_with_truncation_and_random_noise(self):
        self.same(atelier.portraits(), [1, 2], ["--trunc", "0.7", "--trunc-cutoff", "4", "--noise-mode", "random"],
                  psi=0.7, cutoff=4, noise="random")

    def test_with_a_class(self):
        self.same(data("stylegan", "sg2-64-cond.pkl"), [3, 4], ["--class", "2"], class_idx=2)

    def test_with_a_transform(self):
        move = np.array([[1, 0, -0.25], [0, 1, 0.1], [0, 0, 1]])
        with atelier.Model.open(data("stylegan", "sg3-t-32.pkl")) as model:
            moved, still = model.generate(5, transform=move), model.generate(5)
        self.assertGreater(np.abs(moved.astype(int) - still).mean(), 1)

    def test_floats_are_the_programs(self):
        program("generate", "--seeds", "7,8", "--format", "npy", "--outdir", self.folder, "--quiet", "--save-ws")
        with atelier.Model.open() as model:
            np.testing.assert_array_equal(model.generate([7, 8], dtype=np.float32), np.load(self.path("images.npy")))
            ws = model.map(atelier.seed_to_z([7, 8], model.info.z_dim))
            self.assertEqual(distance(ws, np.load(self.path("ws.npy"))) < 2e-6, True)

    def test_a_batch_gives_the_same_pictures(self):
        with atelier.Model.open() as model:
            one, four = model.generate(range(5)), model.generate(range(5), batch=4)
        # another number of images may add in another order: one step of 255 at most
        self.assertLessEqual(np.abs(one.astype(int) - four).max(), 1)


class Golden(unittest.TestCase):
    """Recorded outputs of the official networks; the bounds are those of tests/golden."""

    def check(self, name):
        truth = atelier.load_arrays(data("stylegan", name + ".safetensors"))
        path = data("stylegan", name + ".pkl")
        c = truth.get("c")
        with atelier.Model.open(path) as g:
            for key, options in (("ws", {}), ("ws.psi0.5", {"psi": 0.5}),
                                 ("ws.psi0.7.cutoff3", {"psi": 0.7, "cutoff": 3})):
                self.assertLess(distance(g.map(truth["z"], c, **options), truth[key]), 2e-6, key)
            self.assertLess(distance(g.synthesize(truth["ws"]), truth["img"]), 2e-5)
            if "img.nonoise" in truth:
                self.assertLess(distance(g.synthesize(truth["ws"], noise="none"), truth["img.nonoise"]), 2e-5)
            if "img.transform" in truth:
                moved = g.synthesize(truth["ws"], transform=truth["transform"])
                self.assertLess(distance(moved, truth["img.transform"]), 2e-5)
        with atelier.Model.open(path, net="D") as d:
            self.assertEqual(d.info.role, "discriminator")
            self.assertLess(distance(d.discriminate(truth["img"], c), truth["logits"]), 2e-5)

    def test_stylegan2(self):
        self.check("sg2-32")

    def test_stylegan2_with_labels(self):
        self.check("sg2-64-cond")

    def test_stylegan3(self):
        self.check("sg3-t-32")

    def test_seeds(self):
        truth = np.stack([np.random.RandomState(seed).randn(512) for seed in (0, 85, 2**32 - 1)]).astype(np.float32)
        np.testing.assert_array_equal(atelier.seed_to_z([0, 85, 2**32 - 1], 512), truth)
        np.testing.assert_array_equal(atelier.seed_to_z(85, 512), truth[1])


class Arrays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = atelier.Model.open()
        cls.ws = cls.model.map(atelier.seed_to_z([1, 2], cls.model.info.z_dim))

    def test_results_go_where_they_are_asked_to(self):
        out = np.empty((2, 3, 64, 64), np.float32)
        self.assertIs(self.model.synthesize(self.ws, out=out), out)
        np.testing.assert_array_equal(out, self.model.synthesize(self.ws))
        for wrong in (np.empty((1, 3, 64, 64), np.float32), np.empty((2, 3, 64, 64)), out[:, :, ::2, ::2]):
            with self.assertRaisesRegex(ValueError, "C-contiguous float32"):
                self.model.synthesize(self.ws, out=wrong)

    def test_other_types_and_strides_are_converted(self):
        expected = self.model.synthesize(self.ws)
        strided = np.repeat(self.ws, 2, axis=2)[:, :, ::2]
        for same in (self.ws.astype(np.float64), strided, self.ws.tolist(), np.asfortranarray(self.ws)):
            np.testing.assert_array_equal(self.model.synthesize(same), expected)

    def test_good_arrays_are_not_copied(self):
        self.assertIs(atelier._numbers(self.ws, (None, 10, 512), "ws"), self.ws)

    def test_own_noise(self):
        sizes = self.model.noise_sizes
        self.assertEqual(sizes, [(4, 4), (8, 8), (8, 8), (16, 16), (16, 16), (32, 32), (32, 32), (64, 64), (64, 64)])
        zeros = [np.zeros((2, h, w)) for h, w in sizes]
        np.testing.assert_array_equal(self.model.synthesize(self.ws, noise=zeros),
                                      self.model.synthesize(self.ws, noise="none"))
        rng = np.random.RandomState(0)
        maps = [rng.randn(2, h, w) for h, w in sizes]
        self.assertGreater(distance(self.model.synthesize(self.ws, noise=maps),
                                    self.model.synthesize(self.ws, noise="none")), 1e-3)
        with self.assertRaisesRegex(ValueError, r"noise\[3\] has shape \[2, 16, 15\]; expected \[2, 16, 16\]"):
            self.model.synthesize(self.ws, noise=zeros[:3] + [np.zeros((2, 16, 15))] + zeros[4:])
        with self.assertRaisesRegex(ValueError, "8 maps; the network takes 9"):
            self.model.synthesize(self.ws, noise=zeros[1:])

    def test_noise_by_seed(self):
        a, b = (self.model.synthesize(self.ws, "random", seeds) for seeds in ([1, 2], [1, 3]))
        np.testing.assert_array_equal(a[0], b[0])
        self.assertFalse(np.array_equal(a[1], b[1]))

    def test_broadcast(self):
        np.testing.assert_array_equal(self.model.broadcast(self.ws[:, 0]), self.ws)

    def test_truncation_toward_centroids(self):
        ws = self.model.map(atelier.seed_to_z([1], 512), psi=0.0, centroids=np.ones((1, 512)))
        np.testing.assert_array_equal(ws, np.ones((1, 10, 512), np.float32))

    def test_no_images(self):
        self.assertEqual(self.model.generate([]).shape, (0, 64, 64, 3))


class Inside(unittest.TestCase):
    """Functions, ports, layers and tensors by name."""

    @classmethod
    def setUpClass(cls):
        cls.model = atelier.Model.open()
        cls.z = atelier.seed_to_z([1, 2], cls.model.info.z_dim)
        cls.ws = cls.model.map(cls.z)

    def test_functions_and_ports(self):
        self.assertEqual(self.model.functions, ["map", "synthesize"])
        ports = {port.name: port for port in self.model.ports("synthesize")}
        self.assertEqual((ports["ws"].kind, ports["ws"].shape), ("each", (1, 10, 512)))
        self.assertEqual((ports["noise.8"].kind, ports["img"].kind), ("noise", "result"))
        with self.assertRaisesRegex(atelier.AtelierError, "dream"):
            self.model.ports("dream")

    def test_running_by_name(self):
        np.testing.assert_array_equal(self.model.run("synthesize", {"ws": self.ws})["img"],
                                      self.model.synthesize(self.ws))
        np.testing.assert_array_equal(
            self.model.run("synthesize", {"ws": self.ws}, noise="random", seeds=[5, 6])["img"],
            self.model.synthesize(self.ws, "random", [5, 6]))
        with self.assertRaisesRegex(atelier.AtelierError, "ws"):
            self.model.run("synthesize", {"ws": self.ws[:, :9]})
        with self.assertRaisesRegex(atelier.AtelierError, "loud"):
            self.model.run("synthesize", {"loud": self.ws})
        with self.assertRaisesRegex(ValueError, "^seeds: 3 for inputs of 2 rows$"):
            self.model.run("synthesize", {"ws": self.ws}, noise="random", seeds=[1, 2, 3])

    def test_layers(self):
        layers = self.model.features(self.ws, "synthesis.b*.conv1")
        self.assertEqual(sorted(layers), [f"synthesis.b{r}.conv1" for r in (16, 32, 4, 64, 8)])
        self.assertEqual(layers["synthesis.b64.conv1"].shape[2:], (64, 64))
        self.assertEqual(len(layers["synthesis.b64.conv1"]), 2)
        self.assertGreater(np.abs(layers["synthesis.b8.conv1"]).max(), 0)
        with atelier.Model.open(data("stylegan", "sg2-32.pkl"), net="D") as d:
            layers = d.features(np.zeros((3, 3, 32, 32)), "b*.conv0")
            self.assertEqual({len(layer) for layer in layers.values()}, {3})

    def test_tensors(self):
        self.assertIn("synthesis.b64.conv1.weight", self.model.tensors)
        weight = self.model.tensor("synthesis.b64.conv1.weight")
        self.assertEqual(weight.shape[2:], (3, 3))
        stored = atelier.load_arrays(atelier.portraits())
        for name in self.model.tensors:
            kept, = [array for key, array in stored.items() if key.endswith("." + name) or key == name]
            np.testing.assert_array_equal(self.model.tensor(name), kept.astype(np.float32))
        with self.assertRaisesRegex(ValueError, "no tensor 'synthesis.b64.conv1.weigth'; did you mean 'syn"):
            self.model.tensor("synthesis.b64.conv1.weigth")


class Mistakes(Folder):
    def model(self, *names, **options):
        model = atelier.Model.open(data(*names) if names else None, **options)
        self.addCleanup(model.close)
        return model

    def test_wrong_shapes_are_one_sentence(self):
        model = self.model()
        cases = (
            (lambda: model.map(np.zeros((2, 3))), r"^z has shape \[2, 3\]; expected \[n, 512\]$"),
            (lambda: model.map(np.zeros(512)), r"^z has shape \[512\]; expected \[n, 512\]$"),
            (lambda: model.map(np.zeros((2, 512)), c=np.zeros((1, 4))), r"^c has shape \[1, 4\]; expected \[2, 0\]$"),
            (lambda: model.synthesize(np.zeros((1, 9, 512))), r"^ws has shape \[1, 9, 512\]; expected \[n, 10, 512\]"),
            (lambda: model.synthesize(np.zeros((1, 10, 512)), transform=np.eye(2)), r"expected \[3, 3\]$"),
            (lambda: model.synthesize(np.zeros((1, 10, 512)), noise="loud"), "expected one of const, random"),
            (lambda: model.synthesize(np.zeros((1, 10, 512)), noise="maps"),
             "^noise 'maps': expected one of const, random, none, sg2$"),
            (lambda: model.run("map", {"z": np.zeros((1, 512))}, noise="maps"),
             "^noise 'maps': expected one of const, random, none, sg2$"),
            (lambda: model.synthesize(np.zeros((1, 10, 512)), "random", [1, 2]), "^seeds: 2 for 1 images$"),
            (lambda: model.map([["a"] * 512]), "^z: expected numbers"),
            (lambda: model.generate(-1), "^seeds: -1 is no seed"),
            (lambda: model.generate([1.5]), "^seeds: 1.5 is no seed"),
            (lambda: model.generate(0, class_idx=1), "no classes"),
            (lambda: model.generate(0, dtype=np.int16), "numpy.uint8 or numpy.float32"),
            (lambda: atelier.to_uint8(np.zeros((4, 4))), "expected"),
        )
        for call, sentence in cases:
            with self.subTest(sentence), self.assertRaisesRegex(ValueError, sentence):
                call()

    def test_the_library_speaks(self):
        cases = (
            (lambda: atelier.Model.open(self.path("no.pkl")), r"no\.pkl: can't be opened", "input or output"),
            (lambda: atelier.Model.open(data("torch", "broken", "text.pt")), r"text\.pt", "bad file"),
            (lambda: atelier.Model.open(net="G_other"), "G_other", None),
            (lambda: atelier.inspect(data("torch", "broken", "empty.pt")), r"empty\.pt", None),
            (lambda: self.model().discriminate(np.zeros((1, 3, 64, 64))), "generator|discriminator", None),
            (lambda: atelier.Model.init(resolution=48), "48", "bad argument"),
            (lambda: atelier.Dataset(self.path("none.zip")), r"none\.zip", None),
            (lambda: self.model().save(self.path("no", "folder.safetensors")), "no/folder", "input or output"),
            (lambda: atelier.Context(cpu="pentium"), "pentium", "bad argument"),
        )
        for call, sentence, status in cases:
            with self.subTest(sentence), self.assertRaisesRegex(atelier.AtelierError, sentence) as caught:
                call()
            if status:
                self.assertEqual(caught.exception.status, status)

    def test_the_sentence_is_of_the_call_that_failed(self):
        for name in ("first.pkl", "second.pkl"):
            with self.assertRaisesRegex(atelier.AtelierError, name):
                atelier.Model.open(self.path(name))
        self.assertEqual(self.model().generate(0).shape, (1, 64, 64, 3))

    def test_a_conditional_network_asks_for_a_class(self):
        model = self.model("stylegan", "sg2-64-cond.pkl")
        with self.assertRaisesRegex(ValueError, "choose a class with class_idx, 0 to 4"):
            model.generate(0)
        with self.assertRaisesRegex(ValueError, "classes 0 to 4"):
            model.generate(0, class_idx=5)
        with self.assertRaisesRegex(ValueError, "2 classes for 3 images"):
            model.generate([0, 1, 2], class_idx=[1, 2])
        np.testing.assert_array_equal(model.generate([0, 1], class_idx=[1, 2]),
                                      model.generate([0, 1], c=np.eye(5)[[1, 2]]))

    def test_nothing_is_used_after_close(self):
        model = atelier.Model.open()
        model.close()
        model.close()
        for call in (lambda: model.generate(0), lambda: model.noise_sizes, model.__enter__):
            with self.assertRaisesRegex(ValueError, "the model is closed"):
                call()
        with self.assertRaises(TypeError):
            atelier.Model()


class Lifetimes(unittest.TestCase):
    def test_a_model_keeps_its_context(self):
        model = atelier.Model.open(context=atelier.Context(threads=1))
        gc.collect()
        self.assertEqual(model.context.threads, 1)
        self.assertEqual(model.generate(0).shape, (1, 64, 64, 3))
        model.cycle = model.context.cycle = [model]  # both become garbage at once
        del model
        gc.collect()

    def test_closing_a_context_closes_its_models(self):
        with atelier.Context() as context:
            model = atelier.Model.open(context=context)
        self.assertTrue(model.closed)
        with self.assertRaisesRegex(ValueError, "the context is closed"):
            atelier.Model.open(context=context)

    def test_nothing_leaks(self):
        def once():
            with atelier.Model.open() as model:
                model.generate([0])
            for path in ("/no/such/file", data("torch", "broken", "text.pt")):
                try:
                    atelier.Model.open(path)
                except atelier.AtelierError:
                    pass
            atelier.inspect(data("stylegan", "sg2-32.pkl"))
            atelier.read_image(data("pictures", "palette.png"))
            atelier.Model.open()  # not closed by hand

        for _ in range(5):
            once()
        before = resident()
        for _ in range(40):
            once()
        # a model is some 10 MB with its plan: 40 of them, or half of them, would not hide
        self.assertLess(resident() - before, 60e6)

    def test_threads(self):
        shared, results = atelier.Model.open(), {}
        expected = [shared.generate(seed) for seed in range(4)]

        def work(seed):
            own = atelier.Model.open(context=atelier.Context(threads=1)) if seed % 2 else shared
            results[seed] = [own.generate(seed) for _ in range(5)]

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for seed in range(4):
            for images in results[seed]:
                # one thread may add in another order than two
                self.assertLessEqual(np.abs(images.astype(int) - expected[seed]).max(), seed % 2)

    def test_one_thread_closes_what_another_uses(self):
        for _ in range(10):
            model, ends = atelier.Model.open(), []

            def work():
                try:
                    while True:
                        model.generate(0)
                except ValueError as error:
                    ends.append(str(error))

            thread = threading.Thread(target=work)
            thread.start()
            time.sleep(0.01)
            model.close()
            thread.join()
            self.assertIn("closed", ends[0])

    def test_signals(self):
        """Python's handlers run between calls; the library keeps them away from its kernels."""
        calls = []
        before = signal.signal(signal.SIGALRM, lambda *_: calls.append(0))
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        with atelier.Model.open() as model:
            expected = model.generate([1])
            signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
            try:
                for _ in range(20):
                    np.testing.assert_array_equal(model.generate([1]), expected)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        self.assertTrue(calls)

    def test_the_log(self):
        lines = []
        with atelier.Context(log=lambda level, line: lines.append((level, line))) as context:
            atelier.Model.open(context=context)
        for level, line in lines:
            self.assertIn(level, ("error", "warning", "info", "debug"))
            self.assertTrue(line)

class Encoders(unittest.TestCase):
    PHOTO = np.arange(40 * 50 * 3, dtype=np.uint32).reshape(40, 50, 3).astype(np.uint8)

    def test_codes_make_the_images(self):
        path = data("encoders", "restyle.pt")
        with atelier.Model.open(path, net="encoder") as network, atelier.Model.open(path) as g:
            with atelier.Encoder(network, g, steps=2) as encoder:
                ws, images = encoder([self.PHOTO, self.PHOTO[::-1]], every=True)
                last, _ = encoder([self.PHOTO, self.PHOTO[::-1]])
                with self.assertRaisesRegex(atelier.AtelierError, "nothing of the generator has changed"):
                    encoder.save_deltas("deltas.safetensors")
            self.assertEqual((ws.shape, images.shape), ((2, 2, 6, 8), (2, 2, 3, 16, 16)))
            np.testing.assert_array_equal(ws[-1], last)
            np.testing.assert_allclose(g.synthesize(last), images[-1], atol=1e-4)
            with self.assertRaisesRegex(atelier.AtelierError, "needs an encoder"):
                atelier.Encoder(g, g)

    def test_pictures_are_compared(self):
        same, other = atelier.compare(self.PHOTO, self.PHOTO), atelier.compare(self.PHOTO, 255 - self.PHOTO)
        self.assertEqual((same["mse"], sorted(same)), (0.0, ["mse", "msssim"]))
        self.assertGreater(other["mse"], 0.1)
        self.assertLess(other["msssim"], same["msssim"])


class Alignments(unittest.TestCase):
    def test_pictures_are_aligned(self):
        with atelier.Model.open(data("gangealing", "stn.pt"), net="T_ema") as network:
            with atelier.Congealer(network, flip=True, side=24) as congealer:
                self.assertEqual(congealer.heads, 2)
                warp = congealer.warp([Encoders.PHOTO, Encoders.PHOTO[::-1]], head=[0, 1])
                self.assertEqual((warp["img"].shape, warp["grid"].shape), ((2, 3, 24, 24), (2, 24, 24, 2)))
                self.assertTrue((warp["tv"] > 0).all())
                np.testing.assert_allclose(congealer([Encoders.PHOTO]), warp["img"][:1], atol=1e-5)
                with atelier.Model.open(data("gangealing", "stn.pt"), net="classifier") as classifier:
                    head, flipped = congealer.clusters(classifier, [Encoders.PHOTO, Encoders.PHOTO])
                    self.assertEqual((head.shape, flipped.shape, head[0]), ((2,), (2,), head[1]))
                    self.assertTrue(0 <= head[0] < congealer.heads and flipped[0] in (0, 1))
                with self.assertRaisesRegex(atelier.AtelierError, "no cluster 2"):
                    congealer([Encoders.PHOTO], head=[2])
                with self.assertRaisesRegex(ValueError, "1 numbers are needed"):
                    congealer([Encoders.PHOTO], head=[0, 1])


class VideoReaders(unittest.TestCase):
    @unittest.skipUnless("mp4" in atelier.video_formats(), "built without FFmpeg")
    def test_frames_come_back(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.y4m")
            with atelier.Video(path, 24, 16, fps=10) as video:
                for shade in (40, 120, 200):
                    video.write(np.full((16, 24, 3), shade, np.uint8))
            with atelier.VideoReader(path) as video:
                self.assertEqual((video.size, video.fps), ((24, 16), 10.0))
                shades = [frame.mean() for frame in video]
            np.testing.assert_allclose(shades, [40, 120, 200], atol=1)
            with self.assertRaisesRegex(atelier.AtelierError, "nowhere.mp4"):
                atelier.VideoReader(os.path.join(folder, "nowhere.mp4"))


class Codes(unittest.TestCase):
    def test_codes_are_drawn(self):
        with atelier.Model.init("transformer", 32, channel_base=32, channel_max=20, map_depth=2) as model, \
                atelier.Model.init("vqgan", 32, channel_base=32, channel_max=20) as autoencoder:
            codes = model.sample_codes([3, 4], 8, 8, condition=5)
            self.assertEqual((codes.shape, codes.dtype), ((2, 8, 8), np.int32))
            self.assertTrue((codes >= 0).all() and (codes < 20).all() and (codes[0] != codes[1]).any())
            np.testing.assert_array_equal(model.sample_codes(4, 8, 8, condition=5)[0], codes[1])
            kept = model.sample_codes(3, 8, 8, condition=5, given=codes[1, :4])
            np.testing.assert_array_equal(kept[0, :4], codes[1, :4])
            best = model.sample_codes([1, 2], 8, 8, top_k=1)
            np.testing.assert_array_equal(best[0], best[1])
            behind = model.sample_codes(1, 6, 6, condition=codes[0, :6, :6], window=5)
            self.assertTrue((behind != model.sample_codes(1, 6, 6, condition=codes[1, :6, :6], window=5)).any())
            image = autoencoder.run("decode", {"codes": codes.reshape(2, 64)})["img"]
            self.assertEqual(image.shape, (2, 3, 32, 32))
            with self.assertRaisesRegex(atelier.AtelierError, "condition"):
                model.sample_codes(0, 8, 8, condition=99)


class Ensembles(unittest.TestCase):
    def test_views_are_classified(self):
        with atelier.Model.init("resnet", resolution=32, channel_base=4, c_dim=3) as network, \
                atelier.Model.open(data("stylegan", "sg2-32.pkl")) as g:
            ws = g.map(atelier.seed_to_z([1], g.info.z_dim))[0]
            near = atelier.views(g, ws, 4, "isotropic", [0, 2], 0.5)
            np.testing.assert_array_equal(near[:, 1], np.broadcast_to(ws[1], near[:, 1].shape))
            self.assertTrue((near[:, 2] != ws[2]).any())
            mixed = atelier.views(g, ws, 4, layers="coarse", seed=7)
            z = np.random.RandomState(7).randn(4, g.info.z_dim).astype(np.float32)
            np.testing.assert_array_equal(mixed[:, :4], g.map(z)[:, :4])
            with atelier.Classifier(network, 32, 32) as judge:
                deep = judge(g.synthesize(near))
                base = np.broadcast_to(judge(g.synthesize(ws[None])), deep.shape)
                np.testing.assert_allclose(deep.sum(axis=1), 1, atol=1e-6)
                with self.assertRaisesRegex(ValueError, "images have shape"):
                    judge(np.zeros((1, 3, 8, 8)))
            weight, right = atelier.ensemble_weight(base, deep, deep.argmax(axis=1))
            self.assertEqual((right[-1], right[round(weight * 20)]), (4, right.max()))
            with self.assertRaisesRegex(ValueError, "layers 'middle'"):
                atelier.views(g, ws, layers="middle")
            with self.assertRaisesRegex(atelier.AtelierError, "which does not classify"):
                atelier.Classifier(g, 32, 32)


class Drags(unittest.TestCase):
    def test_handles_go_to_their_targets(self):
        allowed = np.zeros((64, 64), bool)
        allowed[8:56, 8:56] = True
        with atelier.Model.open(atelier.portraits()) as m:
            ws = m.map(atelier.seed_to_z([0], m.info.z_dim), psi=0.7)
            with atelier.Drag(m, ws, [(39, 28, 27, 28)], mask=allowed) as drag:
                self.assertEqual((drag.steps, drag.arrived, drag.distance), (0, False, 12.0))
                while not drag.arrived and drag.steps < 300:
                    drag.step()
                self.assertTrue(drag.arrived)
                self.assertLessEqual(abs(drag.handles[0][0] - 27), 2)
                moved = drag.ws()
            np.testing.assert_array_equal(moved[0, 6:], ws[0, 6:])
            self.assertGreater(np.abs(moved[0, :6] - ws[0, :6]).max(), 0.1)
            with self.assertRaisesRegex(atelier.AtelierError, "outside of the picture"):
                atelier.Drag(m, ws, [(39, 28, 27, 64)])
            with self.assertRaisesRegex(ValueError, "mask has shape"):
                atelier.Drag(m, ws, [(39, 28, 27, 20)], mask=allowed[1:])



class Files(Folder):
    def test_save_and_convert(self):
        path, again, half = self.path("a.safetensors"), self.path("b.safetensors"), self.path("h.safetensors")
        with atelier.Model.init(resolution=16, channel_base=256, channel_max=16, seed=3) as model:
            model.save(path)
            images, fingerprint = model.generate([0]), model.info.fingerprint
        atelier.convert(path, again)
        with atelier.Model.open(again) as model:
            self.assertEqual(model.info.fingerprint, fingerprint)
            np.testing.assert_array_equal(model.generate([0]), images)
        atelier.convert(data("stylegan", "sg2-32.pkl"), half, net="D", dtype="f16")
        self.assertEqual([net["name"] for net in atelier.inspect(half)["networks"]], ["D"])
        self.assertEqual(atelier.inspect(path)["networks"][0]["fingerprint"], fingerprint)

    def test_directions(self):
        with atelier.Model.open(data("stylegan", "sg2-32.pkl")) as m, atelier.Directions.sefa(m, layers=[0, 1], count=3) as found:
            self.assertEqual((len(found), found.method, found[0].layers), (3, "sefa", (0, 1)))
            self.assertAlmostEqual(float(np.linalg.norm(found[-1].values)), 1, places=5)
            ws = np.zeros((2, m.info.num_ws, m.info.w_dim), np.float32)
            moved = found.move(ws, 0, 2.0)
            np.testing.assert_allclose(moved[1, 0], 2 * found[0].values, atol=1e-6)
            self.assertFalse(moved[:, 2:].any() or ws.any())
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "d.safetensors")
                found.save(path)
                with atelier.Directions.open(path) as again:
                    np.testing.assert_array_equal(again[2].values, found[2].values)
            with self.assertRaises(IndexError):
                found[3]
            with self.assertRaises(KeyError):
                found["smile"]
        x = np.random.RandomState(0).randn(200, 6).astype(np.float32)
        with atelier.Directions.fit(x, x[:, 2], chosen=0.4) as boundary:
            self.assertGreater(boundary[0].values[2], 0.9)
        with atelier.Directions.fit(x, x[:, 1:3]) as two:
            np.testing.assert_allclose(two[1].values, np.eye(6)[2], atol=0.2)  # of 200 samples
        with atelier.Directions.fit(x * [1, 1, 1, 9, 1, 1], count=2) as spread:
            self.assertGreater(abs(spread[0].values[3]), 0.99)

    def test_blend(self):
        with atelier.Model.open() as a, atelier.Model.open() as b:
            with atelier.Model.blend(a, b, swap_above=16) as c:
                np.testing.assert_array_equal(c.generate(1), a.generate(1))
        with atelier.Model.open() as a, atelier.Model.open(context=atelier.Context()) as b:
            with self.assertRaisesRegex(ValueError, "one context"):
                atelier.Model.blend(a, b)

    def test_formats(self):
        self.assertIn("stylegan2", [net["family"] for net in atelier.formats()["networks"]])
        self.assertIn("y4m", atelier.video_formats())
        self.assertRegex(atelier.version(), r"^\d+\.\d+\.\d+$")

    def test_metrics(self):
        self.assertIn("fid50k_full", atelier.metric_names())
        rng = np.random.RandomState(4)
        for folder in ("real", "fake"):
            os.mkdir(self.path(folder))
            for i in range(12):
                image = rng.randint(0, 256, (32, 32, 3)).astype(np.uint8)
                atelier.write_image(self.path(f"{folder}/{i:02}.png"), image)
        seen, keywords = [], {"data": self.path("real"), "fakes": self.path("fake"), "num": 12}
        with atelier.Metrics(metrics="swd12,msssim12", **keywords) as m:
            self.assertFalse(m.finished)
            results = m.run(lambda done, total, what: seen.append((done, total, what)))
            self.assertTrue(m.finished)
        self.assertEqual([r.metric for r in results], ["swd12", "msssim12"])
        self.assertEqual(results[0].fakes, 12)
        self.assertIn("swd12", results[0].values)
        self.assertEqual(results[0].values.keys(), results[0].errors.keys())
        self.assertTrue(seen)
        with atelier.Metrics(metrics="swd12,msssim12", **keywords) as m:
            m.step()
            m.save(self.path("kept"))
        with atelier.Metrics(metrics="swd12,msssim12", batch=3, **keywords) as m:
            m.restore(self.path("kept"))
            self.assertEqual([r.values for r in m.run()], [r.values for r in results])
        with self.assertRaisesRegex(atelier.AtelierError, "inception: no file was given for this detector"):
            atelier.Metrics(metrics="fid12", detectors={"vgg16": "x"}, **keywords)
        with self.assertRaisesRegex(atelier.AtelierError, "nothing.pt"):
            atelier.Metrics(metrics="fid12", detectors=lambda role: self.path("nothing.pt"), **keywords)
        with self.assertRaises(ZeroDivisionError):
            atelier.Metrics(metrics="fid12", detectors=lambda role: 1 / 0, **keywords)

    def test_spectrum(self):
        side, n = 16, 48
        images = np.random.RandomState(3).randint(0, 256, (3, side, side, 3)).astype(np.uint8)
        window = np.kaiser(side, 6.0)
        window = np.outer(window, window) / (window ** 2).sum()
        planes = (images.transpose(0, 3, 1, 2).astype(np.float64) - 120) / 70
        truth = (np.abs(np.fft.fft2(planes * window, (n, n))) ** 2).mean((0, 1))
        with atelier.Spectrum(side, mean=120, std=70, interp=3, beta=6) as spectrum:
            for image in images:
                spectrum.add(image)
            self.assertEqual(len(spectrum), 3)
            # whitened in single precision
            self.assertLess(np.abs(spectrum.power() - truth).max(), 1e-6 * truth.max())
            with self.assertRaisesRegex(atelier.AtelierError, "a picture of 8x16: the spectrum is of 16x16"):
                spectrum.add(images[0][:, :8])
        with self.assertRaisesRegex(atelier.AtelierError, "mean 0 and deviation 0"):
            atelier.Spectrum(16, mean=0, std=0)

    def test_arrays(self):
        path = self.path("a.safetensors")
        arrays = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array([1, 2], np.int64),
                  "one": np.float64(3.5), "yes": np.array([True, False])}
        atelier.save_arrays(path, arrays, {"about": "a test"})
        back = atelier.load_arrays(path)
        self.assertEqual(set(back), set(arrays))
        for name, array in arrays.items():
            np.testing.assert_array_equal(back[name], array)
            self.assertEqual(back[name].shape, np.shape(array))
        with self.assertRaisesRegex(ValueError, "complex"):
            atelier.save_arrays(path, {"x": np.zeros(2, complex)})

    def test_pictures(self):
        rng = np.random.RandomState(1)
        for channels in (1, 2, 3, 4):
            image = rng.randint(0, 256, (5, 7, channels), np.uint8)
            atelier.write_image(self.path("a.png"), image, text={"key": "gr\u00fc\u00dfe"})
            np.testing.assert_array_equal(atelier.read_image(self.path("a.png")), image)
        self.assertEqual(atelier.image_text(self.path("a.png"), "key"), "gr\u00fc\u00dfe")
        self.assertIsNone(atelier.image_text(self.path("a.png"), "other"))
        atelier.write_image(self.path("a.jpeg"), image[:, :, 0])
        self.assertEqual(atelier.read_image(self.path("a.jpeg")).shape, (5, 7, 1))
        with self.assertRaisesRegex(ValueError, "1 to 4 channels"):
            atelier.write_image(self.path("b.png"), np.zeros((5, 7, 5), np.uint8))

    def test_walk(self):
        keys = np.random.RandomState(0).randn(3, 2, 4).astype(np.float32)
        with atelier.Walk(keys, ease="linear") as walk:
            np.testing.assert_allclose(walk(0.5), (keys[0] + keys[1]) / 2, rtol=1e-6)
            np.testing.assert_allclose(walk([0, 1, 2, 3]), keys[[0, 1, 2, 0]], rtol=1e-6)

    def test_video(self):
        frames = np.random.RandomState(0).randint(0, 256, (3, 16, 16, 3), np.uint8)
        with atelier.Video(self.path("a.y4m"), 16, 16, fps=25) as video:
            for frame in frames:
                video.write(frame)
        with open(self.path("a.y4m"), "rb") as file:
            self.assertTrue(file.read().startswith(b"YUV4MPEG2 W16 H16 F25:1"))
        with self.assertRaises(KeyError):
            with atelier.Video(self.path("b.y4m"), 16, 16) as video:
                video.write(frames[0])
                raise KeyError
        self.assertFalse(os.path.exists(self.path("b.y4m")))
        with self.assertRaisesRegex(atelier.AtelierError, "16"):
            with atelier.Video(self.path("c.y4m"), 16, 16) as video:
                video.write(frames[0, :8])


class Sets(Folder):
    def setUp(self):
        super().setUp()
        rng = np.random.RandomState(0)
        os.makedirs(self.path("in", "cats"))
        os.makedirs(self.path("in", "dogs"))
        self.images = rng.randint(0, 256, (4, 8, 8, 3), np.uint8)
        for index, image in enumerate(self.images):
            atelier.write_image(self.path("in", ("cats", "dogs")[index // 2], f"{index}.png"), image)

    def test_reading(self):
        with atelier.Dataset(self.path("in"), labels="folders") as pictures:
            self.assertEqual(len(pictures), 4)
            self.assertEqual((pictures.info.kind, pictures.info.label_size), ("folder", 2))
            for index, (image, label) in enumerate(pictures):
                np.testing.assert_array_equal(image, self.images[index])
                np.testing.assert_array_equal(label, np.eye(2)[index // 2])
            np.testing.assert_array_equal(pictures[-1][0], self.images[3])
            self.assertEqual(pictures.name(2), "dogs/2.png")
            with self.assertRaises(IndexError):
                pictures[4]
        self.assertIsNone(atelier.Dataset(self.path("in"), labels="none")[0][1])

    def test_making(self):
        seen = []
        made = atelier.Dataset.make(self.path("in"), self.path("out.zip"), width=4, height=4, filter="box",
                                    labels="folders", progress=lambda done, total, name: seen.append((done, total)))
        self.assertEqual((made["written"], made["width"], made["label_size"]), (4, 4, 2))
        self.assertEqual(seen, [(1, 4), (2, 4), (3, 4), (4, 4)])
        self.assertIn("dataset.json", zipfile.ZipFile(self.path("out.zip")).namelist())
        image, label = atelier.Dataset(self.path("out.zip"))[3]
        np.testing.assert_array_equal(label, [0, 1])
        mean = self.images[3].reshape(4, 2, 4, 2, 3).astype(float).mean((1, 3))
        self.assertLess(np.abs(image - mean).max(), 2)

    def test_what_a_callback_raises_comes_out(self):
        def stop(done, total, name):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            atelier.Dataset.make(self.path("in"), self.path("out.zip"), progress=stop)
        self.assertFalse(os.path.exists(self.path("out.zip")))

    def test_checking(self):
        self.assertEqual(atelier.Dataset.check(self.path("in")), [])
        with open(self.path("in", "cats", "broken.png"), "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n")
        atelier.write_image(self.path("in", "dogs", "wide.png"), np.zeros((8, 9, 3), np.uint8))
        findings = atelier.Dataset.check(self.path("in"))
        self.assertEqual([(f.name, f.kind, f.fatal) for f in findings],
                         [("cats/broken.png", "damaged", True), ("dogs/wide.png", "size", True)])
        with self.assertRaisesRegex(atelier.AtelierError, "broken"):
            atelier.Dataset(self.path("in"))[2]


class Training(Folder):
    SMALL = {"batch": 4, "cbase": 64, "cmax": 8, "map_depth": 1, "workers": 1, "seed": 3, "kimg": 0.02}

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("in"))
        for index, image in enumerate(np.random.RandomState(0).randint(0, 256, (6, 8, 8, 3), np.uint8)):
            atelier.write_image(self.path("in", f"{index}.png"), image)

    def trainer(self, **options):
        trainer = atelier.Trainer(self.path("in"), **{**self.SMALL, **options})
        self.addCleanup(trainer.close)
        return trainer

    def test_a_loop_of_steps(self):
        trainer = self.trainer()
        self.assertEqual((trainer.set.count, trainer.set.width, trainer.set.channels), (6, 8, 3))
        before = trainer.generate([0, 1], dtype=np.float32)
        self.assertEqual(before.shape, (2, 3, 8, 8))
        steps = list(trainer)
        self.assertEqual(len(steps), 5)  # of 4 pictures each: 0.02 kimg
        self.assertEqual((trainer.state.iteration, trainer.state.images), (5, 20))
        for stats in steps:
            self.assertTrue(np.isfinite(list(stats.values())).all())
            self.assertIn("Loss/G/loss", stats)
        self.assertIn("Loss/D/reg", steps[0])  # every 16th step only
        self.assertNotIn("Loss/D/reg", steps[1])
        self.assertGreater(np.abs(trainer.generate([0, 1], dtype=np.float32) - before).max(), 0)
        self.assertEqual(trainer.generate(0).dtype, np.uint8)

    def test_an_encoder(self):
        network = data("stylegan", "sg2-32.pkl")
        trainer = atelier.Trainer(cfg="psp", network=network, batch=2, kimg=0.004, trunk="1,1,1,1:16,16,16,16",
                                  style_width=4)
        self.addCleanup(trainer.close)
        self.assertEqual(len(trainer.lacks), 2)
        images = trainer.generate([0, 1, 2], dtype=np.float32)
        self.assertEqual(images.shape, (3, 3, 32, 32))
        before = trainer.reconstruct(images)
        self.assertEqual(before.shape, images.shape)
        self.assertIn("Loss/l2", trainer.step())
        self.assertGreater(np.abs(trainer.reconstruct(images) - before).max(), 0)
        with self.assertRaises(ValueError):
            trainer.reconstruct(images[:, :, :16])
        trainer.save(self.path("e.safetensors"))
        with atelier.Model.open(self.path("e.safetensors"), net="encoder") as encoder, \
                atelier.Model.open(self.path("e.safetensors")) as generator:
            ws, _ = atelier.Encoder(encoder, generator)(list(trainer.generate([0])))
            self.assertEqual(ws.shape, (1, generator.info.num_ws, generator.info.w_dim))

    def test_it_goes_on_exactly(self):
        whole, first = self.trainer(), self.trainer()
        for _ in range(2):
            whole.step()
            first.step()
        first.save(self.path("snapshot.safetensors"))
        again = self.trainer(resume=self.path("snapshot.safetensors"))
        self.assertEqual(again.state, first.state)
        self.assertEqual([whole.step(), whole.step()], [again.step(), again.step()])
        np.testing.assert_array_equal(whole.generate(range(4)), again.generate(range(4)))
        self.assertEqual(atelier.snapshot_options(self.path("snapshot.safetensors"))["batch"], 4)
        with atelier.Model.open(self.path("snapshot.safetensors")) as model:
            self.assertEqual(model.info.net, "G_ema")
            np.testing.assert_array_equal(model.generate([5]), first.generate([5]))

    def test_is_the_programs_run(self):
        program("train", "--outdir", self.path("runs"), "--data", self.path("in"), "--quiet",
                *[f"--{name.replace('_', '-')}={value}" for name, value in self.SMALL.items()])
        run, = os.listdir(self.path("runs"))
        snapshot, = [name for name in os.listdir(self.path("runs", run)) if name.startswith("network-snapshot")]
        trainer = self.trainer()
        for _ in trainer:
            pass
        with atelier.Model.open(self.path("runs", run, snapshot)) as model:
            np.testing.assert_array_equal(model.generate(range(4)), trainer.generate(range(4)))

    def test_networks_that_grow(self):
        trainer = self.trainer(cfg="stylegan1", lod_initial=4, lod_training_kimg=0.004, lod_transition_kimg=0.004)
        self.assertEqual([(s["resolution"], s["fades"]) for s in trainer.cost()["stages"]], [(4, 0), (8, 1), (8, 0)])
        self.assertEqual((trainer.state.lod, trainer.state.batch), (1, 4))
        for _ in trainer:
            pass
        self.assertEqual(trainer.state.lod, 0)

    def test_options(self):
        trainer = self.trainer(mirror=True, aug="noaug", gamma=2)
        options = trainer.options
        self.assertEqual((options["mirror"], options["aug"], options["gamma"], options["batch"]), (True, "noaug", 2, 4))
        self.assertEqual(set(options), {option.name for option in atelier.Trainer.available()})
        choice, = [option for option in atelier.Trainer.available() if option.name == "aug"]
        self.assertEqual((choice.kind, choice.words), ("choice", ("ada", "fixed", "noaug", "diffaug", "auto")))
        self.assertGreater(trainer.cost()["g_params"], 1000)
        self.assertIn("Gmain", [phase["name"] for phase in trainer.cost()["phases"]])
        self.assertIsInstance(trainer.describe(), dict)
        for wrong, sentence in (({"gama": 1}, "no option 'gama'; did you mean 'gamma'"),
                                ({"aug": "all"}, "aug 'all': expected one of ada, fixed, noaug, diffaug, auto"),
                                ({"batch": 2.5}, "batch 2.5: expected a whole number"),
                                ({"gamma": "much"}, "gamma 'much': expected a number")):
            with self.assertRaisesRegex(ValueError, sentence):
                self.trainer(**wrong)
        with self.assertRaisesRegex(atelier.AtelierError, "batch"):
            self.trainer(batch=-1)

    def test_classes(self):
        for index in range(6, 9):
            atelier.write_image(self.path("in", f"{index}.png"), np.zeros((8, 8, 3), np.uint8))
        with open(self.path("in", "dataset.json"), "w", encoding="ascii") as file:
            json.dump({"labels": [[f"{index}.png", index % 3] for index in range(9)]}, file)
        trainer, plain = self.trainer(cond=True), self.trainer()
        np.testing.assert_array_equal(trainer.generate([0, 1], class_idx=2),
                                      trainer.generate([0, 1], c=np.eye(3)[[2, 2]]))
        np.testing.assert_array_equal(trainer.generate([0, 1], class_idx=[0, 2]),
                                      trainer.generate([0, 1], c=np.eye(3)[[0, 2]]))
        cases = (
            (lambda: trainer.generate(0), "choose a class with class_idx, 0 to 2"),
            (lambda: trainer.generate(0, class_idx=-1), "^class_idx -1: the network has classes 0 to 2$"),
            (lambda: trainer.generate(0, class_idx=3), "^class_idx 3: the network has classes 0 to 2$"),
            (lambda: trainer.generate([0, 1, 2], class_idx=[0, 1]), "^class_idx has 2 classes for 3 images$"),
            (lambda: plain.generate(0, class_idx=0), "no classes"),
            (lambda: plain.generate(0, dtype=np.int16), "numpy.uint8 or numpy.float32"),
        )
        for call, sentence in cases:
            with self.subTest(sentence), self.assertRaisesRegex(ValueError, sentence):
                call()

    def test_transfer(self):
        path = self.path("net.safetensors")
        first = self.trainer(seed=4)
        first.save(path)
        other = self.trainer(seed=5, cmax=8)
        told = other.transfer(path)
        self.assertEqual({what for what, net, tensor in told}, {"used"})
        self.assertEqual({net for what, net, tensor in told}, {"G", "D", "G_ema"})
        np.testing.assert_array_equal(other.generate([1]), first.generate([1]))


class Editing(unittest.TestCase):
    def test_a_picture_is_found_and_a_network_tuned(self):
        model = atelier.Model.open(atelier.portraits())
        [picture] = model.generate([1000])
        projector = atelier.Projector(model, [picture], loss="mse", steps=30)
        distances = list(projector.run())
        self.assertEqual((len(distances), projector.step), (30, 30))
        self.assertLess(distances[-1][0], distances[0][0])
        found = model.synthesize(projector.ws, noise=projector.noise_maps)
        np.testing.assert_allclose(found, projector.look(), atol=1e-3)
        np.testing.assert_array_equal(projector.latent, projector.ws[:, 0])
        styles = atelier.Projector(model, [picture], loss="mse", steps=30, space="s")
        for _ in styles.run():
            pass
        self.assertGreater(styles.latent.shape[1], model.info.w_dim)
        self.assertGreater(np.abs(styles.latent).max(), 0)
        drag = atelier.Drag(model, projector.ws, [(39, 28, 33, 28)], noise=projector.noise_maps)
        own = atelier.Drag(model, projector.ws, [(39, 28, 33, 28)])
        drag.step(), own.step()
        self.assertGreater(np.abs(drag.ws() - own.ws()).max(), 0)
        with self.assertRaisesRegex(ValueError, "1 maps; the network takes"):
            atelier.Drag(model, projector.ws, [(39, 28, 33, 28)], noise=projector.noise_maps[:1])
        with self.assertRaisesRegex(atelier.AtelierError, "needs the network LPIPS"):
            atelier.Projector(model, [picture])
        with tempfile.TemporaryDirectory() as folder:
            state, tuned = os.path.join(folder, "state.safetensors"), os.path.join(folder, "tuned.safetensors")
            projector.save(state)
            other = atelier.Projector(model, [picture], loss="mse", steps=30)
            other.restore(state)
            np.testing.assert_array_equal(other.ws, projector.ws)
            tuner = atelier.Tuner(model, [picture], projector.ws, loss="mse", steps=5, lr=1e-3)
            losses = list(tuner.run())
            self.assertLess(losses[-1], losses[0])
            tuner.save(tuned)
            again = atelier.Model.open(tuned).synthesize(projector.ws)
            np.testing.assert_allclose(again[0], tuner.look(), atol=1e-3)
            tuner.save(state, only_changed=True)
            joined = atelier.Model.open(atelier.portraits(), deltas=state)
            np.testing.assert_array_equal(joined.synthesize(projector.ws), again)
            tuner.keep(state)
            other = atelier.Tuner(model, [picture], projector.ws, loss="mse", steps=5, lr=1e-3)
            other.restore(state)
            np.testing.assert_array_equal(other.look(), tuner.look())


    def test_squares_of_photos_there_and_back(self):
        rng = np.random.default_rng(1)
        photo = np.kron(rng.integers(0, 256, (12, 16, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
        box = atelier.Alignment.box(16, 8, 64)
        np.testing.assert_array_equal(box.quad, [[15.5, 7.5], [15.5, 71.5], [79.5, 71.5], [79.5, 7.5]])
        np.testing.assert_array_equal(box.crop(photo, 64, exact=True), photo[8:72, 16:80])
        same = box.paste(photo[8:72, 16:80], photo)
        np.testing.assert_array_equal(same, photo)
        changed = box.paste(np.zeros((64, 64, 3), np.uint8), photo, border=0)
        self.assertEqual(int(changed[20:60, 30:70].max()), 0)
        np.testing.assert_array_equal(changed[:, 84:], photo[:, 84:])
        kept = box.paste(np.zeros((64, 64, 3), np.uint8), photo, mask=np.zeros((64, 64), np.uint8))
        np.testing.assert_array_equal(kept, photo)
        points = np.zeros((68, 2))
        points[36:42], points[42:48], points[48], points[54] = (40, 40), (60, 40), (42, 60), (58, 60)
        face = atelier.Alignment.face(points)
        self.assertEqual(face.quad.shape, (4, 2))
        self.assertLess(face.quad[0, 0], 40)
        self.assertGreater(face.quad[2, 0], 60)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "face.json")
            face.photo = "party.jpg"
            face.save(path, photo, 256)
            again = atelier.Alignment.open(path)
            np.testing.assert_allclose(again.quad, face.quad)
            self.assertEqual((again.photo, again.source), ("party.jpg", "landmarks"))
            text = os.path.join(folder, "faces.txt")
            with open(text, "w", encoding="utf-8") as file:
                file.write("party.jpg " + " ".join(f"{x} {y}" for x, y in points) + "\n")
            [(name, read)] = atelier.landmarks(text)
            self.assertEqual(name, "party.jpg")
            np.testing.assert_array_equal(read, points)
        with self.assertRaises(atelier.AtelierError):
            atelier.Alignment.face(np.zeros((68, 2)))
        with self.assertRaises(ValueError):
            atelier.Alignment.face(points[:5])

    def test_edits_of_w_of_styles_and_within_a_mask(self):
        model = atelier.Model.open(atelier.portraits())
        ws = model.map(atelier.seed_to_z([1, 2], model.info.z_dim))
        sefa = atelier.Directions.sefa(model, count=2)
        plain = model.synthesize(ws)
        with atelier.Editor(model, n=2) as editor:
            np.testing.assert_allclose(editor.edit(ws, []), plain, atol=1e-5)
            along = editor.edit(ws, [(sefa, 1, 2.0)])
            np.testing.assert_allclose(along, model.synthesize(sefa.move(ws, 1, 2.0)), atol=1e-5)
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "channels.txt")
                with open(path, "w", encoding="utf-8") as file:
                    file.write("2_5 3\n")
                channels = atelier.Directions.open(path)
            styled = editor.edit(ws, [(channels, 0, 2.0)])
            self.assertGreater(np.abs(styled - plain).max(), 1e-3)
            np.testing.assert_allclose(editor.edit(ws, []), plain, atol=1e-5)
            with self.assertRaisesRegex(ValueError, "3 latents"):
                editor.edit(ws[[0, 0, 0]], [])
        mask = np.zeros((64, 64))
        mask[40:] = 1
        with atelier.Editor(model, n=2, mask=mask) as editor:
            held = editor.edit(ws, [(sefa, 1, 2.0)])
            np.testing.assert_allclose(held[:, :, :40], plain[:, :, :40], atol=1e-5)
            np.testing.assert_allclose(held[:, :, 40:], along[:, :, 40:], atol=1e-5)
        with self.assertRaisesRegex(ValueError, "mask has shape"):
            atelier.Editor(model, mask=mask[1:])


if __name__ == "__main__":
    unittest.main()
