# SPDX-License-Identifier: Apache-2.0
"""Atelier from Python: the StyleGAN family on an ordinary computer.

    import atelier
    model = atelier.Model.open("ffhq.pkl")          # or Model.open(): the small network that comes along
    images = model.generate(range(8), psi=0.7)      # uint8 [8, 1024, 1024, 3]
    ws = model.map(atelier.seed_to_z([85, 265], model.info.z_dim))
    x = model.synthesize(ws)                        # float32 [2, 3, 1024, 1024], about [-1, 1]

One file over ctypes and numpy: nothing is built, and libatelier does the work.  The library is looked for at
$ATELIER_LIBRARY, beside this file, in the build folders of the sources, and where the system keeps libraries.

Arrays go in and out as numpy arrays.  C-contiguous float32 passes as it is; anything else that numpy understands is
converted once.  Shapes are written [n, c, h, w] as in the C headers, which are the manual of what each call computes.
A wrong shape or name is a ValueError, a failure of the library an AtelierError with the library's own sentence.

Objects release what they hold when nothing refers to them any more, at close(), or at the end of a `with` block; using
one after close() raises ValueError.  Calls that share a Context wait for each other, so threads may share models; for
work at the same time give each thread a Context of its own.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import difflib
import glob
import json
import math
import os
import sys
import threading
import weakref
from ctypes import POINTER, byref, c_char, c_char_p, c_double, c_float, c_int, c_int64, c_size_t, c_uint8, c_uint32
from ctypes import c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Iterator, Sequence, Union

import numpy as np

__all__ = [
    "AtelierError", "Alignment", "Congealer", "Context", "Direction", "Directions", "Drag", "Editor", "Encoder", "landmarks",
    "Model", "ModelInfo", "Dataset", "DatasetInfo", "Finding", "Metrics", "MetricResult", "Trainer", "TrainOption",
    "TrainState", "Video", "Walk", "compare", "convert", "formats", "image_text", "inspect", "load_arrays", "metric_names",
    "portraits",
    "Port", "Projector", "Tuner", "lpips", "read_image", "save_arrays", "seed_to_z", "snapshot_options", "Spectrum", "to_uint8",
    "truncated_z", "version",
    "video_formats", "write_image",
]

Seeds = Union[int, Iterable[int]]
_SONAME = "libatelier.so.0"


class AtelierError(Exception):
    """A call of the library failed.  The text is the library's sentence: the file or option, the value, the remedy.

    `status` is the name of its code: "no memory", "bad argument", "bad file", "io", "unsupported", "cancelled",
    "internal" (include/atelier/status.h)."""

    def __init__(self, sentence: str, status: str = "") -> None:
        super().__init__(sentence)
        self.status = status


# ---- structs of the headers, field by field; tests/python compares them with what the C compiler says

class _Struct(ctypes.Structure):
    """An option struct of the library knows its own size."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if type(self)._fields_[0][0] == "size":
            self.size = ctypes.sizeof(self)


class _Allocator(_Struct):
    _fields_ = [("alloc", c_void_p), ("release", c_void_p), ("user", c_void_p)]


_LOG = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p)
_PROGRESS = ctypes.CFUNCTYPE(c_int, c_void_p, c_size_t, c_size_t, c_char_p)
_BAD = ctypes.CFUNCTYPE(None, c_void_p, c_char_p, c_char_p)


class _CtxOptions(_Struct):
    _fields_ = [("size", c_size_t), ("threads", c_int), ("cpu", c_char_p), ("direct", c_int), ("memory_cap", c_size_t),
                ("log", _LOG), ("log_user", c_void_p), ("allocator", _Allocator), ("device", c_char_p)]


class _Array(_Struct):
    _fields_ = [("name", c_char_p), ("dtype", c_int), ("rank", c_int), ("dims", c_int64 * 8), ("data", c_void_p)]


class _Pair(_Struct):
    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class _Image(_Struct):
    _fields_ = [("width", c_int), ("height", c_int), ("channels", c_int), ("pixels", c_void_p)]


class _ModelOptions(_Struct):
    _fields_ = [("size", c_size_t), ("net", c_char_p), ("lod", c_float), ("ignore_unused", c_int),
                ("assume", c_char_p), ("deltas", c_char_p)]


class _ModelInfo(_Struct):
    _fields_ = [("kind", c_char_p), ("role", c_char_p), ("net", c_char_p), ("z_dim", c_int), ("c_dim", c_int),
                ("w_dim", c_int), ("num_ws", c_int), ("channels", c_int), ("height", c_int), ("width", c_int),
                ("parameters", c_int64), ("fingerprint", c_uint64), ("default_psi", c_float),
                ("default_cutoff", c_int), ("num_logits", c_int), ("truncates_z", c_int),
                ("codes", c_int)]


class _MapOptions(_Struct):
    _fields_ = [("size", c_size_t), ("truncation_psi", c_float), ("truncation_cutoff", c_int),
                ("centroids", c_void_p), ("centroid_count", c_int)]


class _SynthesisOptions(_Struct):
    _fields_ = [("size", c_size_t), ("noise_mode", c_int), ("noise_seeds", c_void_p), ("dump", c_char_p),
                ("dump_dir", c_char_p), ("transform", c_void_p), ("noise_maps", POINTER(c_void_p)), ("truncation", c_float)]


class _InitOptions(_Struct):
    _fields_ = [("size", c_size_t), ("cfg", c_char_p), ("resolution", c_int), ("channel_base", c_int),
                ("channel_max", c_int), ("c_dim", c_int), ("img_channels", c_int), ("map_depth", c_int),
                ("seed", c_uint64), ("heads", c_int), ("patch", c_int), ("quantizers", c_int)]


class _BlendOptions(_Struct):
    _fields_ = [("size", c_size_t), ("swap_below", c_int), ("swap_above", c_int), ("width", c_float),
                ("alpha", c_float)]


class _ConvertOptions(_Struct):
    _fields_ = [("size", c_size_t), ("net", c_char_p), ("dtype", c_int), ("ignore_unused", c_int),
                ("assume", c_char_p), ("heads", c_char_p)]


class _PortInfo(_Struct):
    _fields_ = [("name", c_char_p), ("kind", c_int), ("rank", c_int), ("dims", c_int64 * 8),
                ("initial", POINTER(c_float))]


class _RunOptions(_Struct):
    _fields_ = [("size", c_size_t), ("noise_mode", c_int), ("noise_seeds", c_void_p), ("features", c_char_p)]


_SAMPLED = ctypes.CFUNCTYPE(c_int, c_void_p, c_size_t, c_size_t)


class _SampleOptions(_Struct):
    _fields_ = [("size", c_size_t), ("height", c_int), ("width", c_int), ("condition", c_void_p),
                ("condition_count", c_size_t), ("given", c_void_p), ("given_count", c_size_t), ("seed", c_uint32),
                ("temperature", c_float), ("top_k", c_int), ("top_p", c_float), ("window", c_int), ("told", _SAMPLED),
                ("user", c_void_p), ("depth", c_int)]


class _DatasetOptions(_Struct):
    _fields_ = [("size", c_size_t), ("labels", c_int), ("max_images", c_size_t)]


class _DatasetInfo(_Struct):
    _fields_ = [("kind", c_char_p), ("name", c_char_p), ("count", c_size_t), ("width", c_int), ("height", c_int),
                ("channels", c_int), ("label_size", c_int)]


class _DatasetMakeOptions(_Struct):
    _fields_ = [("size", c_size_t), ("labels", c_int), ("max_images", c_size_t), ("crop", c_int), ("width", c_int),
                ("height", c_int), ("filter", c_int), ("alpha", c_int), ("color", c_int), ("skip_bad", c_int),
                ("threads", c_int), ("progress", _PROGRESS), ("bad", _BAD), ("user", c_void_p), ("orient", c_int)]


class _DatasetMade(_Struct):
    _fields_ = [("written", c_size_t), ("small", c_size_t), ("bad", c_size_t), ("width", c_int), ("height", c_int),
                ("channels", c_int), ("label_size", c_int), ("lying", c_size_t)]


class _Finding(_Struct):
    _fields_ = [("kind", c_int), ("fatal", c_int), ("name", c_char_p), ("reason", c_char_p)]


_FOUND = ctypes.CFUNCTYPE(None, c_void_p, POINTER(_Finding))


class _DatasetCheckOptions(_Struct):
    _fields_ = [("size", c_size_t), ("labels", c_int), ("threads", c_int), ("progress", _PROGRESS), ("found", _FOUND),
                ("user", c_void_p)]


class _DatasetChecked(_Struct):
    _fields_ = [("count", c_size_t), ("fatal", c_size_t), ("notes", c_size_t), ("width", c_int), ("height", c_int),
                ("channels", c_int), ("side", c_int), ("rgb", c_int), ("ground", c_int), ("orient", c_int),
                ("skip_bad", c_int)]


class _SpectrumOptions(_Struct):
    _fields_ = [("size", c_size_t), ("side", c_int), ("interp", c_int), ("beta", c_double), ("mean", c_double),
                ("deviation", c_double)]


class _DragPoint(_Struct):
    _fields_ = [("x", c_double), ("y", c_double), ("to_x", c_double), ("to_y", c_double)]


class _DragOptions(_Struct):
    _fields_ = [("size", c_size_t), ("space", c_char_p), ("layer", c_char_p), ("layers", c_int), ("lr", c_double),
                ("motion", c_double), ("tracking", c_double), ("distance", c_double), ("mask", c_void_p),
                ("mask_weight", c_double), ("noise_maps", POINTER(c_void_p))]


class _DragState(_Struct):
    _fields_ = [("step", c_int), ("arrived", c_int), ("loss", c_double), ("distance", c_double), ("count", c_size_t),
                ("points", POINTER(_DragPoint)), ("layer", c_char_p)]


class _EncodeOptions(_Struct):
    _fields_ = [("size", c_size_t), ("steps", c_int), ("factor", c_int), ("average", c_int), ("noise_mode", c_int),
                ("hypernet", c_void_p)]


class _EncoderInfo(_Struct):
    _fields_ = [("channels", c_int), ("height", c_int), ("width", c_int), ("steps", c_int), ("sees_result", c_int)]


class _CongealOptions(_Struct):
    _fields_ = [("size", c_size_t), ("iterations", c_int), ("side", c_int), ("padding", c_int), ("blend", c_int),
                ("flip", c_int)]


class _CongealInfo(_Struct):
    _fields_ = [("input", c_int), ("side", c_int), ("flow_side", c_int), ("heads", c_int), ("has_similarity", c_int),
                ("has_flow", c_int)]


class _Congealed(_Struct):
    _fields_ = [("img", c_void_p), ("grid", c_void_p), ("matrix", c_void_p), ("flow", c_void_p), ("tv", c_void_p),
                ("outside", c_void_p), ("flipped", c_void_p)]


class _Warp(_Struct):
    _fields_ = [("side", c_int), ("matrix", c_void_p), ("flow", c_void_p)]


class _ClassifierOptions(_Struct):
    _fields_ = [("size", c_size_t), ("channels", c_int), ("height", c_int), ("width", c_int), ("resize", c_int),
                ("crop", c_int), ("colours", c_char_p)]


class _ClassifierInfo(_Struct):
    _fields_ = [("classes", c_int), ("resize", c_int), ("crop", c_int), ("colours", c_char_p)]


class _ViewOptions(_Struct):
    _fields_ = [("size", c_size_t), ("kind", c_int), ("layers", c_uint64), ("strength", c_double),
                ("components", c_void_p), ("component_count", c_int), ("seed", c_uint32), ("c", c_void_p)]


class _PairsOptions(_Struct):
    _fields_ = [("size", c_size_t), ("side", c_int), ("lpips", c_void_p), ("identity", c_void_p)]


class _PairLikeness(_Struct):
    _fields_ = [("mse", c_double), ("msssim", c_double), ("lpips", c_double), ("idsim", c_double)]


_FIND = ctypes.CFUNCTYPE(c_void_p, c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p))


class _MetricsOptions(_Struct):
    _fields_ = [("size", c_size_t), ("metrics", c_char_p), ("network", c_char_p), ("fakes", c_char_p),
                ("data", c_char_p), ("model", c_void_p), ("num", c_int64), ("mirror", c_int),
                ("truncation_psi", c_float), ("truncation_cutoff", c_int), ("class_index", c_int),
                ("noise_mode", c_int), ("seed", c_uint32), ("batch", c_int), ("find_detector", _FIND),
                ("user", c_void_p), ("resize", c_char_p), ("cache", c_char_p), ("save_features", c_char_p),
                ("real_features", c_char_p), ("reference_order", c_int), ("ranks", c_void_p), ("stop", c_void_p),
                ("codes", c_void_p), ("code_count", c_int64), ("code_size", c_int64)]


class _MetricsState(_Struct):
    _fields_ = [("what", c_char_p), ("done", c_int64), ("total", c_int64), ("task", c_int), ("tasks", c_int),
                ("finished", c_int)]


class _MetricValue(_Struct):
    _fields_ = [("name", c_char_p), ("value", c_double), ("error", c_double)]


class _MetricResult(_Struct):
    _fields_ = [("metric", c_char_p), ("values", POINTER(_MetricValue)), ("count", c_int), ("method", c_char_p),
                ("how", c_char_p), ("fakes", c_int64), ("reals", c_int64), ("seconds", c_double)]


class _MetricInfo(_Struct):
    _fields_ = [("name", c_char_p), ("about", c_char_p), ("detector", c_char_p), ("higher", c_int),
                ("data", c_int), ("network", c_int)]


class _ProjectOptions(_Struct):
    _fields_ = [("size", c_size_t), ("batch", c_int), ("steps", c_int), ("seed", c_uint32), ("space", c_char_p),
                ("loss", c_char_p), ("features", c_void_p), ("noise_maps", c_int), ("lr", c_double),
                ("samples", c_int), ("initial_noise", c_double), ("noise_ramp", c_double), ("rampup", c_double),
                ("rampdown", c_double), ("noise_weight", c_double), ("mse_weight", c_double)]


class _ProjectStart(_Struct):
    _fields_ = [("size", c_size_t), ("count", c_int), ("targets", c_void_p), ("mask", c_void_p), ("c", c_void_p),
                ("ws", c_void_p), ("best_of", c_int), ("noise_maps", POINTER(c_void_p))]


class _ProjectState(_Struct):
    _fields_ = [("count", c_int), ("step", c_int), ("steps", c_int), ("lr", c_double), ("loss", POINTER(c_double)),
                ("distance", POINTER(c_double)), ("noise", POINTER(c_double))]


class _TuneOptions(_Struct):
    _fields_ = [("size", c_size_t), ("batch", c_int), ("steps", c_int), ("seed", c_uint32), ("loss", c_char_p),
                ("features", c_void_p), ("lr", c_double), ("threshold", c_double), ("mse_weight", c_double),
                ("locality", c_double), ("alpha", c_double), ("truncation_psi", c_double), ("layers", c_char_p)]


class _TuneStart(_Struct):
    _fields_ = [("size", c_size_t), ("count", c_int), ("targets", c_void_p), ("ws", c_void_p),
                ("noise_maps", POINTER(c_void_p))]


class _TuneState(_Struct):
    _fields_ = [("count", c_int), ("step", c_int), ("steps", c_int), ("finished", c_int), ("enough", c_int),
                ("loss", c_double), ("locality", c_double), ("distance", POINTER(c_double))]


class _PathOptions(_Struct):
    _fields_ = [("size", c_size_t), ("ease", c_int), ("sphere", c_int), ("wraps", c_int)]


class _VideoOptions(_Struct):
    _fields_ = [("size", c_size_t), ("width", c_int), ("height", c_int), ("fps", c_int), ("format", c_char_p),
                ("codec", c_char_p), ("quality", c_int), ("bitrate", c_int64), ("threads", c_int),
                ("alpha", c_int)]


class _VideoInfo(_Struct):
    _fields_ = [("width", c_int), ("height", c_int), ("fps", c_double), ("frames", c_int64)]


class _TrainField(_Struct):
    _fields_ = [("name", c_char_p), ("group", c_char_p), ("kind", c_int), ("offset", c_size_t), ("low", c_double),
                ("high", c_double), ("initial", c_double), ("standard", c_char_p), ("words", c_char_p),
                ("value", c_char_p), ("help", c_char_p), ("agree", c_int), ("record", c_int)]


class _TrainPhase(_Struct):
    _fields_ = [("name", c_char_p), ("interval", c_int), ("batch", c_int), ("runs", c_int), ("gflop", c_double),
                ("bytes", c_size_t), ("ms", c_double), ("seconds", c_double), ("steps", c_int)]


class _TrainStage(_Struct):
    _fields_ = [("resolution", c_int), ("fades", c_int), ("kimg", c_double), ("batch", c_int), ("rate", c_double),
                ("bytes", c_size_t), ("gflop", c_double), ("sec_per_kimg", c_double)]


class _TrainCost(_Struct):
    _fields_ = [("g_params", c_int64), ("d_params", c_int64), ("bytes", c_size_t), ("available", c_size_t),
                ("phases", POINTER(_TrainPhase)), ("n_phases", c_int), ("sec_per_kimg", c_double),
                ("stages", POINTER(_TrainStage)), ("n_stages", c_int)]


class _TrainState(_Struct):
    _fields_ = [("iteration", c_uint64), ("images", c_uint64), ("augment_p", c_double), ("augment_bounded", c_int),
                ("pl_mean", c_double), ("rank", c_int), ("ranks", c_int), ("lod", c_double), ("batch", c_int)]


class _TrainStat(_Struct):
    _fields_ = [("name", c_char_p), ("count", c_double), ("sum", c_double), ("squares", c_double)]


class _TrainSet(_Struct):
    _fields_ = [("count", c_size_t), ("width", c_int), ("height", c_int), ("channels", c_int),
                ("label_size", c_int), ("name", c_char_p)]


class _Direction(_Struct):
    _fields_ = [("name", c_char_p), ("space", c_int), ("rows", c_int), ("width", c_int64),
                ("values", POINTER(c_float)), ("styles", POINTER(ctypes.c_int32)), ("scale", c_float),
                ("layers", c_uint64), ("value", c_double), ("offset", c_double), ("mean", POINTER(c_float))]


class _RelabelOptions(_Struct):
    _fields_ = [("size", c_size_t), ("space", c_int), ("name", c_char_p), ("source", c_char_p)]


class _SefaOptions(_Struct):
    _fields_ = [("size", c_size_t), ("layers", c_uint64), ("count", c_int), ("as_stored", c_int)]


class _FitOptions(_Struct):
    _fields_ = [("size", c_size_t), ("method", c_int), ("space", c_int), ("rows", c_int), ("width", c_int64),
                ("count", c_int), ("chosen", c_double), ("training", c_double), ("invalid", c_double),
                ("skip", c_int), ("penalty", c_double), ("seed", c_uint32), ("centred", c_int),
                ("layers", c_uint64)]


class _BoundaryCheck(_Struct):
    _fields_ = [("positive", c_int64), ("negative", c_int64), ("checked", c_int64), ("right", c_int64),
                ("others", c_int64), ("others_right", c_int64)]


class _MoveOptions(_Struct):
    _fields_ = [("size", c_size_t), ("how", c_int), ("layers", c_uint64)]


class _StyleInfo(_Struct):
    _fields_ = [("name", c_char_p), ("layer", c_int), ("channels", c_int)]


class _Point(_Struct):
    _fields_ = [("x", c_double), ("y", c_double)]


class _Quad(_Struct):
    _fields_ = [("corner", _Point * 4)]


class _AlignOptions(_Struct):
    _fields_ = [("size", c_size_t), ("pixels", c_int), ("exact", c_int), ("bare", c_int)]


class _PasteOptions(_Struct):
    _fields_ = [("size", c_size_t), ("border", c_double), ("mask", POINTER(_Image))]


class _Alignment(_Struct):
    _fields_ = [("quad", _Quad), ("pixels", c_int), ("width", c_int), ("height", c_int), ("face", c_int),
                ("faces", c_int), ("photo", c_char_p), ("source", c_char_p)]


class _Face(_Struct):
    _fields_ = [("photo", c_char_p), ("landmarks", _Point * 68)]


class _EditorOptions(_Struct):
    _fields_ = [("size", c_size_t), ("n", c_int), ("styles", c_int), ("mask", c_void_p), ("in_features", c_int),
                ("noise_mode", c_int)]


_REPORT = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p, c_char_p)

_STRUCTS = {
    "atl_allocator": _Allocator, "atl_ctx_options": _CtxOptions, "atl_array": _Array, "atl_pair": _Pair,
    "atl_image": _Image, "atl_model_options": _ModelOptions, "atl_model_info": _ModelInfo,
    "atl_map_options": _MapOptions, "atl_synthesis_options": _SynthesisOptions, "atl_init_options": _InitOptions,
    "atl_blend_options": _BlendOptions, "atl_convert_options": _ConvertOptions,
    "atl_port_info": _PortInfo, "atl_run_options": _RunOptions, "atl_sample_options": _SampleOptions,
    "atl_dataset_options": _DatasetOptions, "atl_dataset_info": _DatasetInfo,
    "atl_dataset_make_options": _DatasetMakeOptions, "atl_dataset_made": _DatasetMade, "atl_finding": _Finding,
    "atl_dataset_check_options": _DatasetCheckOptions, "atl_dataset_checked": _DatasetChecked,
    "atl_metrics_options": _MetricsOptions, "atl_metrics_state": _MetricsState, "atl_metric_value": _MetricValue,
    "atl_metric_result": _MetricResult, "atl_metric_info": _MetricInfo, "atl_spectrum_options": _SpectrumOptions,
    "atl_project_options": _ProjectOptions, "atl_project_start": _ProjectStart, "atl_project_state": _ProjectState,
    "atl_tune_options": _TuneOptions, "atl_tune_start": _TuneStart, "atl_tune_state": _TuneState,
    "atl_path_options": _PathOptions, "atl_video_options": _VideoOptions, "atl_video_info": _VideoInfo,
    "atl_train_field": _TrainField,
    "atl_train_phase": _TrainPhase, "atl_train_stage": _TrainStage, "atl_train_cost": _TrainCost,
    "atl_train_state": _TrainState, "atl_train_stat": _TrainStat, "atl_train_set": _TrainSet,
    "atl_direction": _Direction, "atl_relabel_options": _RelabelOptions, "atl_sefa_options": _SefaOptions,
    "atl_fit_options": _FitOptions, "atl_boundary_check": _BoundaryCheck, "atl_move_options": _MoveOptions,
    "atl_drag_point": _DragPoint, "atl_drag_options": _DragOptions, "atl_drag_state": _DragState,
    "atl_pairs_options": _PairsOptions, "atl_pair_likeness": _PairLikeness,
    "atl_encode_options": _EncodeOptions, "atl_encoder_info": _EncoderInfo,
    "atl_congeal_options": _CongealOptions, "atl_congeal_info": _CongealInfo, "atl_congealed": _Congealed,
    "atl_warp": _Warp,
    "atl_classifier_options": _ClassifierOptions, "atl_classifier_info": _ClassifierInfo,
    "atl_view_options": _ViewOptions,
    "atl_style_info": _StyleInfo, "atl_editor_options": _EditorOptions,
    "atl_point": _Point, "atl_quad": _Quad, "atl_align_options": _AlignOptions, "atl_paste_options": _PasteOptions,
    "atl_alignment": _Alignment, "atl_face": _Face,
}

# Words of the enums, in the order of the headers.
_ENUMS = {
    "atl_status": ["ok", "no_memory", "bad_argument", "bad_file", "io", "unsupported", "cancelled", "internal"],
    "atl_log_level": ["error", "warning", "info", "debug"],
    "atl_dtype": ["f32", "f16", "bf16", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool"],
    "atl_noise_mode": ["const", "random", "none", "sg2", "maps"],
    "atl_port_kind": ["each", "noise", "setting", "result"],
    "atl_labels": ["auto", "json", "folders", "none"],
    "atl_resize": ["lanczos", "box", "area", "bilinear", "bicubic"],
    "atl_encoder_average": ["file", "generator"],
    "atl_padding": ["file", "border", "reflection", "zeros"],
    "atl_view_kind": ["isotropic", "pca", "stylemix"],
    "atl_crop": ["none", "center", "center-wide"],
    "atl_alpha": ["refuse", "white", "black"],
    "atl_color": ["keep", "rgb", "gray"],
    "atl_path_ease": ["cubic", "linear", "smooth"],
    "atl_direction_space": ["z", "w", "ws", "s"],
    "atl_fit_method": ["pca", "ipca", "boundary", "lstsq"],
    "atl_move_how": ["by", "to"],
    "atl_train_kind": ["flag", "int", "real", "text", "choice"],
    "atl_transfer": ["used", "shape", "missing", "extra"],
}
_DTYPES = {"f32": "<f4", "f16": "<f2", "f64": "<f8", "i8": "<i1", "u8": "<u1", "i16": "<i2", "u16": "<u2",
           "i32": "<i4", "u32": "<u4", "i64": "<i8", "u64": "<u8", "bool": "?"}


def _index(words: Sequence[str], name: str, what: str) -> int:
    if name not in words:
        raise ValueError(f"{what} {name!r}: expected one of {', '.join(words)}")
    return words.index(name)


def _word(enum: str, name: str, what: str) -> int:
    return _index(_ENUMS[enum], name, what)


def _noise_mode(noise: str) -> int:
    """Of a word.  The last one, "maps", is none to say: maps are given as arrays."""
    return _index(_ENUMS["atl_noise_mode"][:-1], noise, "noise")


# ---- finding and declaring the library

_P = c_void_p
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "atl_version": (c_char_p, []),
    "atl_status_name": (c_char_p, [c_int]),
    "atl_ctx_open": (c_int, [POINTER(_P), POINTER(_CtxOptions)]),
    "atl_ctx_close": (None, [POINTER(_P)]),
    "atl_ctx_threads": (c_int, [_P]),
    "atl_ctx_cpu": (c_char_p, [_P]),
    "atl_message": (c_char_p, [_P]),
    "atl_message_clear": (None, [_P]),
    "atl_text_free": (None, [_P, _P]),
    "atl_arrays_open": (c_int, [_P, c_char_p, POINTER(_P)]),
    "atl_arrays_close": (None, [POINTER(_P)]),
    "atl_arrays_size": (c_size_t, [_P]),
    "atl_arrays_get": (POINTER(_Array), [_P, c_size_t]),
    "atl_array_read_f32": (None, [POINTER(_Array), c_int64, c_int64, _P]),
    "atl_safetensors_write": (c_int, [_P, c_char_p, POINTER(_Array), c_size_t, POINTER(_Pair), c_size_t]),
    "atl_metrics_open": (c_int, [_P, POINTER(_MetricsOptions), POINTER(_P)]),
    "atl_metrics_close": (None, [POINTER(_P)]),
    "atl_metrics_get_state": (POINTER(_MetricsState), [_P]),
    "atl_metrics_step": (c_int, [_P]),
    "atl_metrics_get_results": (POINTER(_MetricResult), [_P, POINTER(c_int)]),
    "atl_metrics_save": (c_int, [_P, c_char_p]),
    "atl_metrics_restore": (c_int, [_P, c_char_p]),
    "atl_metric_get_info": (c_int, [c_size_t, POINTER(_MetricInfo)]),
    "atl_drag_open": (c_int, [_P, _P, POINTER(_DragPoint), c_size_t, POINTER(_DragOptions), POINTER(_P)]),
    "atl_drag_close": (None, [POINTER(_P)]),
    "atl_drag_get_state": (POINTER(_DragState), [_P]),
    "atl_drag_step": (c_int, [_P]),
    "atl_drag_read": (c_int, [_P, _P]),
    "atl_pictures_compare": (c_int, [_P, POINTER(_Image), POINTER(_Image), POINTER(_PairsOptions),
                                     POINTER(_PairLikeness)]),
    "atl_codes_sample": (c_int, [_P, POINTER(_SampleOptions), _P]),
    "atl_encoder_open": (c_int, [_P, _P, POINTER(_EncodeOptions), POINTER(_P)]),
    "atl_encoder_close": (None, [POINTER(_P)]),
    "atl_encoder_get_info": (POINTER(_EncoderInfo), [_P]),
    "atl_encoder_input": (c_int, [_P, POINTER(_Image), _P]),
    "atl_encoder_run": (c_int, [_P, c_int, _P, _P, _P]),
    "atl_encoder_save_deltas": (c_int, [_P, c_char_p, c_int]),
    "atl_congealer_open": (c_int, [_P, POINTER(_CongealOptions), POINTER(_P)]),
    "atl_congealer_close": (None, [POINTER(_P)]),
    "atl_congealer_get_info": (POINTER(_CongealInfo), [_P]),
    "atl_congealer_input": (c_int, [_P, POINTER(_Image), _P]),
    "atl_congealer_run": (c_int, [_P, c_int, _P, _P, POINTER(_Congealed)]),
    "atl_congealer_classify": (c_int, [_P, _P, c_int, _P, _P, _P]),
    "atl_congealer_run_part": (c_int, [_P, c_int, _P, _P, _P, POINTER(_Congealed)]),
    "atl_overlay_lay": (c_int, [_P, POINTER(_Image), _P, c_int, c_double, POINTER(_Image)]),
    "atl_overlay_lift": (c_int, [_P, POINTER(_Image), _P, c_int, c_int, POINTER(_Image)]),
    "atl_points_congeal": (c_int, [_P, POINTER(_Warp), c_int, c_int, _P, c_size_t, _P]),
    "atl_points_uncongeal": (c_int, [_P, POINTER(_Warp), c_int, c_int, _P, c_size_t, _P]),
    "atl_classifier_open": (c_int, [_P, POINTER(_ClassifierOptions), POINTER(_P)]),
    "atl_classifier_close": (None, [POINTER(_P)]),
    "atl_classifier_get_info": (POINTER(_ClassifierInfo), [_P]),
    "atl_classifier_run": (c_int, [_P, c_int, _P, _P, _P]),
    "atl_view_layers": (c_uint64, [_P, c_char_p]),
    "atl_views_make": (c_int, [_P, POINTER(_ViewOptions), _P, c_int, _P]),
    "atl_ensemble_choose": (c_double, [c_int64, c_int, _P, _P, _P, _P]),
    "atl_spectrum_open": (c_int, [_P, POINTER(_SpectrumOptions), POINTER(_P)]),
    "atl_spectrum_close": (None, [POINTER(_P)]),
    "atl_spectrum_add": (c_int, [_P, POINTER(_Image)]),
    "atl_spectrum_count": (c_size_t, [_P]),
    "atl_spectrum_read": (c_int, [_P, _P]),
    "atl_lpips_open": (c_int, [_P, c_char_p, c_char_p, POINTER(_P)]),
    "atl_project_target": (c_int, [_P, POINTER(_Image), _P, POINTER(_Image)]),
    "atl_align_face": (c_int, [_P, POINTER(_Point), POINTER(_Quad)]),
    "atl_align_box": (None, [c_double, c_double, c_double, POINTER(_Quad)]),
    "atl_align_crop": (c_int, [_P, POINTER(_Image), POINTER(_Quad), POINTER(_AlignOptions), POINTER(_Image)]),
    "atl_align_paste": (c_int, [_P, POINTER(_Image), POINTER(_Quad), POINTER(_PasteOptions), POINTER(_Image)]),
    "atl_alignment_write": (c_int, [_P, c_char_p, POINTER(_Alignment)]),
    "atl_alignment_read": (c_int, [_P, c_char_p, POINTER(_Alignment)]),
    "atl_alignment_clear": (None, [_P, POINTER(_Alignment)]),
    "atl_faces_open": (c_int, [_P, c_char_p, POINTER(_P)]),
    "atl_faces_close": (None, [POINTER(_P)]),
    "atl_faces_size": (c_size_t, [_P]),
    "atl_faces_get": (POINTER(_Face), [_P, c_size_t]),
    "atl_model_style": (c_int, [_P, c_int, POINTER(_StyleInfo)]),
    "atl_editor_open": (c_int, [_P, POINTER(_EditorOptions), POINTER(_P)]),
    "atl_editor_close": (None, [POINTER(_P)]),
    "atl_editor_reset": (None, [_P]),
    "atl_editor_style": (c_int, [_P, c_int, POINTER(_Direction), c_double]),
    "atl_editor_maps": (c_int, [_P, POINTER(c_void_p)]),
    "atl_editor_run": (c_int, [_P, c_int, _P, _P, _P]),
    "atl_projector_open": (c_int, [_P, POINTER(_ProjectOptions), POINTER(_P)]),
    "atl_projector_close": (None, [POINTER(_P)]),
    "atl_projector_begin": (c_int, [_P, POINTER(_ProjectStart)]),
    "atl_projector_get_state": (POINTER(_ProjectState), [_P]),
    "atl_projector_step": (c_int, [_P]),
    "atl_projector_read": (c_int, [_P, _P]),
    "atl_projector_read_map": (c_int, [_P, c_int, _P]),
    "atl_projector_latent_size": (c_int64, [_P]),
    "atl_projector_read_latent": (c_int, [_P, _P]),
    "atl_projector_look": (c_int, [_P, _P, _P]),
    "atl_projector_save": (c_int, [_P, c_char_p]),
    "atl_projector_restore": (c_int, [_P, c_char_p]),
    "atl_tuner_open": (c_int, [_P, POINTER(_TuneOptions), POINTER(_P)]),
    "atl_tuner_close": (None, [POINTER(_P)]),
    "atl_tuner_begin": (c_int, [_P, POINTER(_TuneStart)]),
    "atl_tuner_get_state": (POINTER(_TuneState), [_P]),
    "atl_tuner_step": (c_int, [_P]),
    "atl_tuner_look": (c_int, [_P, c_int, _P, _P]),
    "atl_tuner_save": (c_int, [_P, c_char_p, c_int]),
    "atl_tuner_save_deltas": (c_int, [_P, c_char_p, c_int]),
    "atl_tuner_keep": (c_int, [_P, c_char_p]),
    "atl_tuner_restore": (c_int, [_P, c_char_p]),
    "atl_image_clear": (None, [_P, POINTER(_Image)]),
    "atl_image_from_float": (None, [_P, POINTER(_Image)]),
    "atl_image_write": (c_int, [_P, c_char_p, c_char_p, POINTER(_Image), c_int, POINTER(_Pair), c_size_t]),
    "atl_image_encode": (c_int, [_P, c_char_p, POINTER(_Image), c_int, POINTER(_Pair), c_size_t, POINTER(_P),
                                 POINTER(c_size_t)]),
    "atl_image_read": (c_int, [_P, c_char_p, POINTER(_Image)]),
    "atl_image_text": (c_int, [_P, c_char_p, c_char_p, POINTER(_P)]),
    "atl_model_open": (c_int, [_P, c_char_p, POINTER(_ModelOptions), POINTER(_P)]),
    "atl_model_init": (c_int, [_P, POINTER(_InitOptions), POINTER(_P)]),
    "atl_model_blend": (c_int, [_P, _P, POINTER(_BlendOptions), POINTER(_P)]),
    "atl_model_close": (None, [POINTER(_P)]),
    "atl_model_get_info": (POINTER(_ModelInfo), [_P]),
    "atl_model_map": (c_int, [_P, c_int, _P, _P, POINTER(_MapOptions), _P]),
    "atl_model_standing_stats": (c_int, [_P, c_int, c_int, c_uint32, c_float]),
    "atl_model_broadcast": (c_int, [_P, c_int, _P, POINTER(_MapOptions), _P]),
    "atl_model_synthesize": (c_int, [_P, c_int, _P, POINTER(_SynthesisOptions), _P]),
    "atl_model_noise_size": (c_int, [_P, c_int, POINTER(c_int), POINTER(c_int)]),
    "atl_model_discriminate": (c_int, [_P, c_int, _P, _P, _P]),
    "atl_model_function": (c_char_p, [_P, c_size_t]),
    "atl_model_ports": (c_int, [_P, c_char_p, POINTER(POINTER(_PortInfo)), POINTER(c_size_t)]),
    "atl_model_run": (c_int, [_P, c_char_p, POINTER(_Array), c_size_t, POINTER(_RunOptions), POINTER(_P)]),
    "atl_model_tensor": (POINTER(_Array), [_P, c_char_p]),
    "atl_model_tensor_get": (POINTER(_Array), [_P, c_size_t]),
    "atl_model_save": (c_int, [_P, c_char_p, c_int]),
    "atl_convert": (c_int, [_P, c_char_p, c_char_p, POINTER(_ConvertOptions)]),
    "atl_inspect": (c_int, [_P, c_char_p, POINTER(_P)]),
    "atl_formats": (c_int, [_P, POINTER(_P)]),
    "atl_seed_to_z": (None, [c_uint32, c_size_t, _P]),
    "atl_seed_to_truncated_z": (None, [c_uint32, c_size_t, c_double, _P]),
    "atl_path_open": (c_int, [_P, c_size_t, c_size_t, _P, POINTER(_PathOptions), POINTER(_P)]),
    "atl_path_close": (None, [POINTER(_P)]),
    "atl_path_at": (None, [_P, c_double, _P]),
    "atl_dataset_open": (c_int, [_P, c_char_p, POINTER(_DatasetOptions), POINTER(_P)]),
    "atl_dataset_close": (None, [POINTER(_P)]),
    "atl_dataset_info_get": (POINTER(_DatasetInfo), [_P]),
    "atl_dataset_name": (c_char_p, [_P, c_size_t]),
    "atl_dataset_read": (c_int, [_P, c_size_t, POINTER(_Image)]),
    "atl_dataset_label": (None, [_P, c_size_t, _P]),
    "atl_dataset_make": (c_int, [_P, c_char_p, c_char_p, POINTER(_DatasetMakeOptions), POINTER(_DatasetMade)]),
    "atl_dataset_check": (c_int, [_P, c_char_p, POINTER(_DatasetCheckOptions), POINTER(_DatasetChecked)]),
    "atl_finding_name": (c_char_p, [c_int]),
    "atl_train_options_init": (None, [_P, c_size_t]),
    "atl_train_fields": (POINTER(_TrainField), [POINTER(c_size_t)]),
    "atl_trainer_open": (c_int, [_P, _P, POINTER(_P)]),
    "atl_trainer_close": (None, [POINTER(_P), c_int]),
    "atl_trainer_get_options": (_P, [_P]),
    "atl_trainer_describe": (c_int, [_P, POINTER(_P)]),
    "atl_trainer_get_cost": (POINTER(_TrainCost), [_P]),
    "atl_trainer_measure": (c_int, [_P, c_int]),
    "atl_trainer_get_state": (POINTER(_TrainState), [_P]),
    "atl_trainer_step": (c_int, [_P]),
    "atl_trainer_get_stats": (POINTER(_TrainStat), [_P, POINTER(c_int)]),
    "atl_trainer_clear_stats": (None, [_P]),
    "atl_trainer_generate": (c_int, [_P, c_int, _P, _P, _P]),
    "atl_trainer_z_dim": (c_int, [_P]),
    "atl_trainer_reconstruct": (c_int, [_P, c_int, _P, _P]),
    "atl_trainer_input_channels": (c_int, [_P]),
    "atl_trainer_input": (c_int, [_P, c_size_t, _P]),
    "atl_trainer_lacks": (c_char_p, [_P, c_int]),
    "atl_trainer_get_set": (POINTER(_TrainSet), [_P]),
    "atl_trainer_save": (c_int, [_P, c_char_p]),
    "atl_trainer_restore": (c_int, [_P, c_char_p]),
    "atl_trainer_transfer": (c_int, [_P, c_char_p, _REPORT, _P]),
    "atl_train_snapshot_record": (c_int, [_P, c_char_p, POINTER(_P)]),
    "atl_video_open": (c_int, [_P, c_char_p, POINTER(_VideoOptions), POINTER(_P)]),
    "atl_video_write": (c_int, [_P, POINTER(_Image)]),
    "atl_video_finish": (c_int, [POINTER(_P)]),
    "atl_video_abort": (None, [POINTER(_P)]),
    "atl_video_reader_open": (c_int, [_P, c_char_p, POINTER(_P)]),
    "atl_video_reader_get_info": (POINTER(_VideoInfo), [_P]),
    "atl_video_reader_next": (c_int, [_P, POINTER(_Image)]),
    "atl_video_reader_close": (None, [POINTER(_P)]),
    "atl_video_formats": (None, [_P, c_size_t]),
    "atl_directions_open": (c_int, [_P, c_char_p, c_char_p, POINTER(c_int), POINTER(_P)]),
    "atl_directions_close": (None, [POINTER(_P)]),
    "atl_directions_write": (c_int, [_P, c_char_p]),
    "atl_directions_size": (c_size_t, [_P]),
    "atl_directions_get": (POINTER(_Direction), [_P, c_size_t]),
    "atl_directions_method": (c_char_p, [_P]),
    "atl_directions_sefa": (c_int, [_P, POINTER(_SefaOptions), POINTER(_P)]),
    "atl_direction_move": (c_int, [_P, POINTER(_Direction), POINTER(_MoveOptions), c_double, c_int, c_int64, _P]),
    "atl_fit_open": (c_int, [_P, POINTER(_FitOptions), POINTER(_P)]),
    "atl_fit_add": (c_int, [_P, c_int64, _P, _P]),
    "atl_fit_read": (c_int, [_P, POINTER(_P)]),
    "atl_fit_close": (None, [POINTER(_P)]),
}


def _candidates() -> Iterator[str]:
    here = os.path.dirname(os.path.realpath(__file__))
    yield os.path.join(here, _SONAME)
    builds = glob.glob(os.path.join(here, "..", "build*", "src", _SONAME))
    builds += glob.glob(os.path.join(here, "..", "build*", "*", "src", _SONAME))
    yield from sorted(builds, key=lambda path: "release" not in path)
    yield ctypes.util.find_library("atelier") or _SONAME


def _load() -> Any:
    chosen = os.environ.get("ATELIER_LIBRARY")
    tried = []
    for path in [chosen] if chosen else _candidates():
        if os.sep in path and not os.path.exists(path) and not chosen:
            continue
        try:
            library = ctypes.CDLL(path)
            break
        except OSError as error:
            tried.append(str(error))
    else:
        where = "$ATELIER_LIBRARY" if chosen else "build it, install it, or set ATELIER_LIBRARY to its path"
        raise ImportError(f"libatelier can't be loaded ({'; '.join(tried)}): {where}")
    for name, (result, arguments) in _FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{library._name} has no {name}: it is another version than {__file__}") from None
        function.restype, function.argtypes = result, arguments
    return library


_lib = _load()


def version() -> str:
    """The library's version, "0.1.0"."""
    return _lib.atl_version().decode()


# ---- arrays

def _numbers(x: Any, shape: Sequence[int | None], what: str, dtype: Any = np.float32) -> np.ndarray:
    """x as a C-contiguous array of `dtype`, itself where it is one already.  None in `shape` fits any size."""
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{what}: expected numbers, got an array of {array.dtype}")
    if array.ndim != len(shape) or any(b is not None and a != b for a, b in zip(array.shape, shape)):
        wanted = ", ".join("n" if size is None else str(size) for size in shape)
        raise ValueError(f"{what} has shape {list(array.shape)}; expected [{wanted}]")
    return np.ascontiguousarray(array, dtype=dtype)


def _result(out: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    if out is None:
        return np.empty(shape, np.float32)
    if not isinstance(out, np.ndarray) or out.dtype != np.float32 or out.shape != shape or not out.flags.carray:
        raise ValueError(f"out: expected a writable C-contiguous float32 array of shape {list(shape)}")
    return out


def _seed_array(seeds: Seeds, what: str = "seeds") -> np.ndarray:
    items = [seeds] if isinstance(seeds, (int, np.integer)) else list(seeds)
    for item in items:
        if not isinstance(item, (int, np.integer)) or not 0 <= item < 2**32:
            raise ValueError(f"{what}: {item!r} is no seed; expected whole numbers from 0 to {2**32 - 1}")
    return np.array(items, np.uint32)


def _one_hot(class_idx: int | Sequence[int], c_dim: int, n: int | None) -> np.ndarray:
    """Labels [n, c_dim] of classes, or of one class for n images."""
    classes = np.atleast_1d(np.asarray(class_idx))
    if classes.ndim != 1 or classes.dtype.kind not in "iu":
        raise ValueError(f"class_idx {class_idx!r}: expected a class number or a list of them")
    if n is not None and len(classes) == 1:
        classes = np.repeat(classes, n)
    if n is not None and len(classes) != n:
        raise ValueError(f"class_idx has {len(classes)} classes for {n} images")
    if classes.size and not (0 <= classes.min() and classes.max() < c_dim):
        raise ValueError(f"class_idx {class_idx!r}: the network has "
                         + (f"classes 0 to {c_dim - 1}" if c_dim else "no classes"))
    return np.eye(c_dim, dtype=np.float32)[classes]


def _check_dtype(dtype: Any) -> None:
    """Of images."""
    if np.dtype(dtype) not in (np.dtype(np.uint8), np.dtype(np.float32)):
        raise ValueError(f"dtype {dtype!r}: expected numpy.uint8 or numpy.float32")


def _text(value: str | os.PathLike[str] | None) -> bytes | None:
    return None if value is None else os.fsencode(value)


def _image_of(pixels: Any, what: str = "image") -> tuple[_Image, np.ndarray]:
    """The struct of a picture whose pixels stay numpy's; keep the array as long as the struct."""
    array = np.asarray(pixels)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.dtype != np.uint8 or array.ndim != 3 or not 1 <= array.shape[2] <= 4 or 0 in array.shape:
        raise ValueError(f"{what}: shape {list(np.shape(pixels))} of {array.dtype}; expected uint8 [h, w] or [h, w, c]"
                         " with 1 to 4 channels")
    array = np.ascontiguousarray(array)
    return _Image(width=array.shape[1], height=array.shape[0], channels=array.shape[2], pixels=array.ctypes.data), array


def seed_to_z(seeds: Seeds, z_dim: int) -> np.ndarray:
    """The latents of seeds, float32 [z_dim] for one seed and [n, z_dim] for several, with the bits that the official
    scripts have: RandomState(seed).randn(1, z_dim), rounded to float."""
    array = _seed_array(seeds)
    z = np.empty((len(array), z_dim), np.float32)
    for row, seed in zip(z, array):
        _lib.atl_seed_to_z(int(seed), z_dim, row.ctypes.data)
    return z[0] if isinstance(seeds, (int, np.integer)) else z


def truncated_z(seeds: Seeds, z_dim: int, truncation: float = 1.0) -> np.ndarray:
    """The latents of seeds for networks that truncate z: scipy.stats.truncnorm.rvs(-2, 2) of RandomState(seed), times
    truncation; float32, shaped as those of seed_to_z()."""
    array = _seed_array(seeds)
    z = np.empty((len(array), z_dim), np.float32)
    for row, seed in zip(z, array):
        _lib.atl_seed_to_truncated_z(int(seed), z_dim, float(truncation), row.ctypes.data)
    return z[0] if isinstance(seeds, (int, np.integer)) else z


def to_uint8(images: Any) -> np.ndarray:
    """float [n, c, h, w] or [c, h, w] in about [-1, 1] -> uint8 [n, h, w, c] or [h, w, c], as the official scripts do:
    clamp(x * 127.5 + 128, 0, 255), truncated; NaN becomes 0."""
    array = np.asarray(images)
    many = _numbers(array if array.ndim == 4 else array[None], (None, None, None, None), "images")
    n, c, h, w = many.shape
    if not 1 <= c <= 4:
        raise ValueError(f"images of {c} channels; a picture has 1 to 4")
    out = np.empty((n, h, w, c), np.uint8)
    for i in range(n):
        picture = _Image(width=w, height=h, channels=c, pixels=out[i].ctypes.data)
        _lib.atl_image_from_float(many[i].ctypes.data, byref(picture))
    return out if array.ndim == 4 else out[0]


# ---- the context, and objects that live in one

def _close_handle(close: Callable[..., Any], lock: Any, handle: c_void_p, keep: Any) -> None:
    with lock:
        if handle:
            close(byref(handle))


class _Object:
    """A handle of the library, closed once: by close(), `with`, or when nothing refers to it."""

    _noun = "object"

    def _own(self, handle: c_void_p, close: Callable[..., Any], lock: Any, keep: Any = None) -> None:
        """`keep` lives until the handle is closed, even where both are garbage of one cycle."""
        self._handle = handle
        self._finalizer = weakref.finalize(self, _close_handle, close, lock, handle, keep)

    @property
    def _h(self) -> c_void_p:
        if not self._handle:
            raise ValueError(f"the {self._noun} is closed")
        return self._handle

    def close(self) -> None:
        """Releases what it holds.  A second call does nothing."""
        self._finalizer()

    @property
    def closed(self) -> bool:
        return not self._handle

    def __enter__(self) -> Any:
        self._h
        return self

    def __exit__(self, *failure: Any) -> None:
        self.close()


class Context(_Object):
    """Threads, processor features and log of the objects made with it; one is shared by all that are given none.

    threads     0: the environment's ATELIER_THREADS, else every processor
    cpu         highest kernel set: "baseline", "avx2" or "avx512"; None: ATELIER_CPU, else what the processor has
    direct      no Winograd convolution: a little slower and a little more exact
    memory_cap  most bytes that one file may make the library allocate; 0: 16 GiB
    log         called with level ("error", "warning", "info", "debug") and line; None: silent
    device      "cpu", or "plain", which is slow and there to be compared with

    close() closes the objects made with it first."""

    _noun = "context"

    def __init__(self, threads: int = 0, cpu: str | None = None, direct: bool = False, memory_cap: int = 0,
                 log: Callable[[str, str], None] | None = None, *, device: str | None = None) -> None:
        self._handle = c_void_p()
        self._lock = threading.RLock()
        self._children: weakref.WeakSet[_Object] = weakref.WeakSet()
        self._log = _LOG()
        if log is not None:
            self._log = _LOG(lambda user, level, line: log(_ENUMS["atl_log_level"][level],
                                                           line.decode("utf-8", "replace")))
        options = _CtxOptions(threads=threads, cpu=_text(cpu), direct=direct, memory_cap=memory_cap, log=self._log,
                              device=_text(device))
        status = _lib.atl_ctx_open(byref(self._handle), byref(options))
        if status:
            what = f"threads={threads}, cpu={cpu!r}, memory_cap={memory_cap}, ATELIER_THREADS, ATELIER_CPU"
            raise AtelierError(f"no context could be opened with {what}", _lib.atl_status_name(status).decode())
        self._own(self._handle, _lib.atl_ctx_close, self._lock)

    @property
    def threads(self) -> int:
        """How many threads compute."""
        return _lib.atl_ctx_threads(self._h)

    @property
    def cpu(self) -> str:
        """The kernel set in use: "baseline", "avx2" or "avx512"."""
        return _lib.atl_ctx_cpu(self._h).decode()

    def close(self) -> None:
        with self._lock:
            for child in list(self._children):
                child.close()
            super().close()

    def _check(self, status: int) -> None:
        if status:
            sentence = (_lib.atl_message(self._handle) or b"").decode("utf-8", "replace")
            name = _lib.atl_status_name(status).decode()
            raise AtelierError(sentence or name, name)

    def _begin(self, arguments: Sequence[Any]) -> None:
        """Another thread may have closed what the call is about, while this one waited for the lock."""
        self._h
        if any(isinstance(a, c_void_p) and not a for a in arguments):
            raise ValueError("an object of this call was closed meanwhile")
        _lib.atl_message_clear(self._handle)

    def _call(self, function: Callable[..., int], *arguments: Any) -> None:
        """One call that can fail, alone in its context."""
        with self._lock:
            self._begin(arguments)
            self._check(function(*arguments))

    def _calls_back(self, function: Callable[..., int], stopped: _Stop, *arguments: Any) -> None:
        """One call that calls Python; what Python raises there comes out here."""
        with self._lock:
            self._begin(arguments)
            status = function(*arguments)
            if stopped.error:
                raise stopped.error
            self._check(status)

    def _text_of(self, function: Callable[..., int], *arguments: Any, handle: Any = None) -> str | None:
        """The text that a call about the context, or about `handle`, makes for its last argument."""
        text = c_void_p()
        try:
            self._call(function, handle or self._h, *arguments, byref(text))
            return ctypes.string_at(text).decode("utf-8", "replace") if text else None
        finally:
            _lib.atl_text_free(self._handle, text)


class _Stop:
    """Carries what a callback raised past the C code that called it."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def guard(self, function: Callable[..., Any], *arguments: Any) -> int:
        if self.error is None:
            try:
                function(*arguments)
            except BaseException as error:  # KeyboardInterrupt too: it ends the call, and goes on from there
                self.error = error
        return 0 if self.error is None else 1


_shared: Context | None = None
_shared_lock = threading.Lock()


def _context(given: Context | None = None) -> Context:
    global _shared
    if given is not None:
        return given
    with _shared_lock:
        if _shared is None or _shared.closed:
            _shared = Context()
        return _shared


class _Child(_Object):
    """An object in a context, which it keeps alive."""

    def _adopt(self, context: Context, close: Callable[..., Any], function: Callable[..., int], *before: Any,
               first: bool = True) -> None:
        """Opens by function(ctx, *before, &handle)."""
        self._context = context
        self._handle = c_void_p()
        try:
            context._call(function, *([context._h] if first else []), *before, byref(self._handle))
        finally:
            self._own(self._handle, close, context._lock, keep=context)
        context._children.add(self)

    @property
    def context(self) -> Context:
        return self._context

    def _call(self, function: Callable[..., int], *arguments: Any) -> None:
        self._context._call(function, self._h, *arguments)


# ---- networks

@dataclass(frozen=True)
class ModelInfo:
    """What a network is (atl_model_info)."""

    kind: str            #: "stylegan2"
    role: str            #: "generator" or "discriminator"
    net: str             #: its name in the file: "G_ema"
    z_dim: int
    c_dim: int           #: classes; 0: not conditional
    w_dim: int
    num_ws: int          #: style vectors of an image
    channels: int
    height: int
    width: int
    parameters: int      #: trained numbers, buffers not counted
    fingerprint: str     #: of names, shapes and values: the same in every file format
    default_psi: float   #: truncation that the network's makers generate with; 1: none
    default_cutoff: int  #: its cutoff; 0: every layer
    num_logits: int      #: numbers per image of a discriminator
    truncates_z: int     #: not 0: truncation is of z, as truncated_z() draws it
    codes: int           #: vectors of an autoencoder's codebook; 0: it has none


@dataclass(frozen=True)
class Port:
    """An input or a result of a function of a network (atl_port_info)."""

    name: str                   #: "ws"
    kind: str                   #: "each" (a row for each sample), "noise", "setting" (one for all) or "result"
    shape: tuple[int, ...]      #: for one sample
    initial: np.ndarray | None  #: the value of a setting that is not given; else None


class Model(_Child):
    """A network: open one, make one, map latents, make images."""

    _noun = "model"

    def __init__(self) -> None:
        raise TypeError("use Model.open(), Model.init() or Model.blend()")

    @classmethod
    def _from(cls, context: Context, function: Callable[..., int], *arguments: Any, first: bool = True) -> Model:
        self = object.__new__(cls)
        self._adopt(context, _lib.atl_model_close, function, *arguments, first=first)
        raw = _lib.atl_model_get_info(self._h).contents
        values = {name: getattr(raw, name) for name, _ in _ModelInfo._fields_}
        values.update(kind=raw.kind.decode(), role=raw.role.decode(), net=raw.net.decode(),
                      fingerprint=f"{raw.fingerprint:016x}", default_psi=round(raw.default_psi, 6))
        self.info = ModelInfo(**values)
        return self

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None, net: str | None = None, lod: float | None = None, *,
             ignore_unused: bool = False, assume: str | None = None,
             deltas: str | os.PathLike[str] | None = None, context: Context | None = None) -> Model:
        """Opens a checkpoint, recognised by its content; nothing in it is executed.

        path  official pickle, .pt of the PyTorch port, or safetensors; None: the network that comes with Atelier
        net   which network of the file: "G_ema", "G" or "D"; None: G_ema, else G
        lod   level of detail of a network that was trained by growing: 0 is full size, each 1 halves it; None: the
              file's

        What nothing here uses (a tensor, an option of the file's makers) is an error that names it, unless
        `ignore_unused`.  `assume` is "key=value,key=value": what a file can't say, as the sentence about it asks.
        `deltas`: a file of what a tuned network has changed, Tuner.save(..., only_changed=True)."""
        options = _ModelOptions(net=_text(net), lod=-1.0 if lod is None else lod, ignore_unused=ignore_unused,
                                assume=_text(assume), deltas=_text(deltas))
        path = portraits() if path is None else path
        return cls._from(_context(context), _lib.atl_model_open, _text(path), byref(options))

    @classmethod
    def init(cls, cfg: str = "stylegan2", resolution: int = 256, *, channel_base: int = 0, channel_max: int = 0,
             c_dim: int = 0, img_channels: int = 0, map_depth: int = 0, seed: int = 0,
             context: Context | None = None) -> Model:
        """A fresh, untrained generator.  cfg: "stylegan2", "stylegan3-t", "stylegan3-r", "stylegan-xl", "stylegan1",
        "progan"; zeros stand for its defaults."""
        options = _InitOptions(cfg=_text(cfg), resolution=resolution, channel_base=channel_base,
                               channel_max=channel_max, c_dim=c_dim, img_channels=img_channels, map_depth=map_depth,
                               seed=seed)
        return cls._from(_context(context), _lib.atl_model_init, byref(options))

    @classmethod
    def blend(cls, a: Model, b: Model, swap_below: int = 0, swap_above: int = 0, width: float = 0.0,
              alpha: float = 1.0) -> Model:
        """One generator out of two of one architecture and one context (Pinkney and Adler 2020).  With a swap the
        layers below, or at and above, a resolution are b's; without one every tensor is a + alpha (b - a)."""
        if a._context is not b._context:
            raise ValueError("blend: both models must be opened in one context")
        options = _BlendOptions(swap_below=swap_below, swap_above=swap_above, width=width, alpha=alpha)
        return cls._from(a._context, _lib.atl_model_blend, a._h, b._h, byref(options), first=False)

    def __repr__(self) -> str:
        i = self.info
        size = f"{i.width}x{i.height}"
        return f"<Model {i.kind} {i.role} {i.net} {size}{', closed' if self.closed else ''}>"

    # ---- latents

    def _map_options(self, psi: float, cutoff: int, centroids: Any) -> tuple[_MapOptions, Any]:
        options = _MapOptions(truncation_psi=psi, truncation_cutoff=cutoff)
        if centroids is not None:
            centroids = _numbers(centroids, (None, self.info.w_dim), "centroids")
            options.centroids, options.centroid_count = centroids.ctypes.data, len(centroids)
        return options, centroids

    def map(self, z: Any, c: Any = None, psi: float = 1.0, cutoff: int = 0, *, centroids: Any = None,
            out: np.ndarray | None = None) -> np.ndarray:
        """z [n, z_dim], labels c [n, c_dim] or None -> styles ws [n, num_ws, w_dim].

        psi, cutoff  truncation toward the average of w, of the first `cutoff` layers (0: all): w_avg + psi (w - w_avg)
        centroids    [k, w_dim]: toward the nearest of these in place of the average (Mokady et al. 2022)"""
        z = _numbers(z, (None, self.info.z_dim), "z")
        c = None if c is None else _numbers(c, (len(z), self.info.c_dim), "c")
        options, kept = self._map_options(psi, cutoff, centroids)
        ws = _result(out, (len(z), self.info.num_ws, self.info.w_dim))
        self._call(_lib.atl_model_map, len(z), z.ctypes.data, None if c is None else c.ctypes.data, byref(options),
                   ws.ctypes.data)
        return ws

    def broadcast(self, w: Any, psi: float = 1.0, cutoff: int = 0, *, centroids: Any = None) -> np.ndarray:
        """w [n, w_dim], one style for all layers -> ws [n, num_ws, w_dim], truncated as by map()."""
        w = _numbers(w, (None, self.info.w_dim), "w")
        options, kept = self._map_options(psi, cutoff, centroids)
        ws = np.empty((len(w), self.info.num_ws, self.info.w_dim), np.float32)
        self._call(_lib.atl_model_broadcast, len(w), w.ctypes.data, byref(options), ws.ctypes.data)
        return ws

    def standing_stats(self, passes: int, n: int = 32, seed: int = 0, truncation: float = 0.0) -> None:
        """SAGAN and BigGAN: batch norms know the mean statistics of `passes` batches of n pictures from now on."""
        self._call(_lib.atl_model_standing_stats, passes, n, seed, truncation)

    def label(self, class_idx: int | Sequence[int], n: int | None = None) -> np.ndarray:
        """One-hot labels [n, c_dim] of classes, or of one class for n images."""
        return _one_hot(class_idx, self.info.c_dim, n)

    # ---- images

    @property
    def noise_sizes(self) -> list[tuple[int, int]]:
        """(height, width) of the noise map of each layer."""
        sizes, h, w = [], c_int(), c_int()
        with self._context._lock:
            while _lib.atl_model_noise_size(self._h, len(sizes), byref(h), byref(w)):
                sizes.append((h.value, w.value))
        return sizes

    def _noise_maps(self, noise: Sequence[Any], n: int | None = None) -> tuple[Any, list[Any]]:
        """Where the maps of n images lie, and the arrays that have to live as long; n None: of one image, [h, w]."""
        sizes = self.noise_sizes
        if len(noise) != len(sizes):
            raise ValueError(f"noise: {len(noise)} maps; the network takes {len(sizes)}")
        kept = [_numbers(np.reshape(m, size), size, f"noise[{k}]") if n is None else
                _numbers(m, (n, *size), f"noise[{k}]") for k, (m, size) in enumerate(zip(noise, sizes))]
        return (c_void_p * max(len(kept), 1))(*[m.ctypes.data for m in kept]), kept

    def _synthesis_options(self, n: int, noise: Any, seeds: Any, transform: Any) -> tuple[_SynthesisOptions, Any]:
        options, kept = _SynthesisOptions(), []
        if isinstance(noise, str):
            options.noise_mode = _noise_mode(noise)
        else:
            options.noise_mode = _ENUMS["atl_noise_mode"].index("maps")
            options.noise_maps, kept = self._noise_maps(noise, n)
        if seeds is not None:
            numbers = _seed_array(seeds)
            if len(numbers) != n:
                raise ValueError(f"seeds: {len(numbers)} for {n} images")
            options.noise_seeds = numbers.ctypes.data
            kept.append(numbers)
        if transform is not None:
            matrix = _numbers(transform, (3, 3), "transform")
            options.transform = matrix.ctypes.data
            kept.append(matrix)
        return options, kept

    def synthesize(self, ws: Any, noise: str | Sequence[Any] = "const", seeds: Seeds | None = None,
                   transform: Any = None, *, out: np.ndarray | None = None) -> np.ndarray:
        """Styles ws [n, num_ws, w_dim] -> images, float32 [n, channels, height, width] in about [-1, 1].

        noise      "const" (the stored maps), "random" and "sg2" (by seed), "none", or a list of maps [n, h, w], one
                   for each of noise_sizes
        seeds      of random noise, one for each image; None: 0 for all
        transform  [3, 3], StyleGAN3: moves the image; None: the one stored in the file
        out        where to put the images; None: a new array

        The first call with a new n prepares a plan; later ones run it."""
        i = self.info
        ws = _numbers(ws, (None, i.num_ws, i.w_dim), "ws")
        options, kept = self._synthesis_options(len(ws), noise, seeds, transform)
        images = _result(out, (len(ws), i.channels, i.height, i.width))
        self._call(_lib.atl_model_synthesize, len(ws), ws.ctypes.data, byref(options), images.ctypes.data)
        return images

    def _labels_of(self, seeds: np.ndarray, class_idx: Any, c: Any) -> np.ndarray | None:
        """As the program has it: StyleGAN-XL draws a class for each seed, other conditional networks ask for one."""
        i = self.info
        if c is not None and class_idx is not None:
            raise ValueError("class_idx and c exclude each other")
        if c is not None:
            return _numbers(c, (len(seeds), i.c_dim), "c")
        if class_idx is not None:
            return self.label(class_idx, len(seeds))
        if i.c_dim and i.kind == "stylegan-xl":
            return self.label([np.random.RandomState(seed).randint(i.c_dim) for seed in seeds], len(seeds))
        if i.c_dim:
            raise ValueError(f"the network is conditional: choose a class with class_idx, 0 to {i.c_dim - 1}")
        return None

    def generate(self, seeds: Seeds, psi: float | None = None, class_idx: int | Sequence[int] | None = None, *,
                 cutoff: int | None = None, c: Any = None, centroids: Any = None,
                 noise: str | Sequence[Any] = "const", transform: Any = None, batch: int = 1,
                 dtype: Any = np.uint8) -> np.ndarray:
        """Images of seeds, the pixels that `atelier generate` writes: uint8 [n, height, width, channels].

        psi, cutoff   truncation; None: what the network's makers use, mostly none
        class_idx, c  class numbers, one or one for each image; or labels [n, c_dim]
        noise         as for synthesize(); noise by seed takes the image's own
        batch         images computed at once
        dtype         numpy.float32: the network's own numbers, [n, channels, height, width]"""
        i = self.info
        _check_dtype(dtype)
        numbers = _seed_array(seeds)
        labels = self._labels_of(numbers, class_idx, c)
        raw = np.dtype(dtype) == np.float32
        shape = (i.channels, i.height, i.width) if raw else (i.height, i.width, i.channels)
        images = np.empty((len(numbers), *shape), dtype)
        psi, cutoff = i.default_psi if psi is None else psi, i.default_cutoff if cutoff is None else cutoff
        for first in range(0, len(numbers), max(batch, 1)):
            rows = slice(first, first + max(batch, 1))
            ws = self.map(seed_to_z(numbers[rows], i.z_dim), None if labels is None else labels[rows], psi, cutoff,
                          centroids=centroids)
            maps = noise if isinstance(noise, str) else [np.asarray(m)[rows] for m in noise]
            img = self.synthesize(ws, maps, numbers[rows], transform, out=images[rows] if raw else None)
            if not raw:
                images[rows] = to_uint8(img)
        return images

    def discriminate(self, images: Any, c: Any = None) -> np.ndarray:
        """A discriminator (open with net="D"): images [n, channels, height, width] -> logits [n, num_logits]."""
        i = self.info
        images = _numbers(images, (None, i.channels, i.height, i.width), "images")
        c = None if c is None else _numbers(c, (len(images), i.c_dim), "c")
        logits = np.empty((len(images), i.num_logits), np.float32)
        self._call(_lib.atl_model_discriminate, len(images), images.ctypes.data, None if c is None else c.ctypes.data,
                   logits.ctypes.data)
        return logits

    # ---- inside

    @property
    def functions(self) -> list[str]:
        """What the network computes: "map" and "synthesize", or "discriminate"."""
        names: list[str] = []
        with self._context._lock:
            while (name := _lib.atl_model_function(self._h, len(names))) is not None:
                names.append(name.decode())
        return names

    def ports(self, function: str) -> list[Port]:
        """The inputs and results of a function, inputs first."""
        rows, count = POINTER(_PortInfo)(), c_size_t()
        with self._context._lock:
            self._call(_lib.atl_model_ports, function.encode(), byref(rows), byref(count))
            return [_port_of(rows[i]) for i in range(count.value)]

    def run(self, function: str, inputs: dict[str, Any], features: str | None = None, *, noise: str = "const",
            seeds: Seeds | None = None) -> dict[str, np.ndarray]:
        """Runs a function on arrays by the names of its ports; the results come by name, too.

        features  shell pattern of names of layers that are to be among the results: "synthesis.b*.conv1"
        noise     "const", "random", "sg2" or "none"; maps of your own are the inputs "noise.0", "noise.1", ...
        seeds     of random noise, one for each sample"""
        rows, kept = _array_rows({name: np.ascontiguousarray(x, np.float32) for name, x in inputs.items()})
        options = _RunOptions(noise_mode=_noise_mode(noise), features=_text(features))
        if seeds is not None:
            numbers = _seed_array(seeds)
            samples = {len(x) for name, x in inputs.items() if np.ndim(x)}
            if len(numbers) not in samples:
                raise ValueError(f"seeds: {len(numbers)} for inputs of {', '.join(map(str, samples))} rows")
            options.noise_seeds = numbers.ctypes.data
        handle = c_void_p()
        try:
            self._call(_lib.atl_model_run, function.encode(), rows, len(inputs), byref(options), byref(handle))
            return _take_arrays(handle)
        finally:
            with self._context._lock:
                _lib.atl_arrays_close(byref(handle))

    def sample_codes(self, seeds: Seeds, height: int, width: int, *, condition: Any = None, given: Any = None,
                     depth: int = 1, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0,
                     window: int = 16) -> np.ndarray:
        """Codes that a transformer or a PixelCNN draws, a map for each seed: int32 [n, height, width], of depth > 1
        [n, height, width, depth].

        condition    codes that stand before those of each map: a class, a map of them; None: no condition
        given        the first codes of each map, row by row, which are kept
        temperature  logits are divided by it; top_k, top_p: of which codes are drawn
        window       side of the square that maps are drawn in which do not fit at once"""
        before = np.ascontiguousarray([] if condition is None else condition, np.int32).ravel()
        first = np.ascontiguousarray([] if given is None else given, np.int32).ravel()
        numbers = _seed_array(seeds)
        codes = np.zeros((len(numbers), height, width) + ((depth,) if depth > 1 else ()), np.int32)
        options = _SampleOptions(height=height, width=width, condition=before.ctypes.data, condition_count=before.size,
                                 given=first.ctypes.data, given_count=first.size, temperature=temperature, top_k=top_k,
                                 top_p=top_p, window=window, depth=depth)
        for seed, row in zip(numbers, codes):
            options.seed = int(seed)
            self._call(_lib.atl_codes_sample, byref(options), row.ctypes.data)
        return codes

    def features(self, x: Any, pattern: str, *, c: Any = None, noise: str = "const",
                 seeds: Seeds | None = None) -> dict[str, np.ndarray]:
        """Layers inside, by name: [n, channels, height, width] where they are pictures.

        x        styles ws [n, num_ws, w_dim] of a generator, images [n, channels, height, width] of a discriminator
        pattern  shell pattern of their names: "synthesis.b*.conv1"; inspect() lists them"""
        generator = self.info.role == "generator"
        function, port = ("synthesize", "ws") if generator else ("discriminate", "img")
        inputs = {port: x} if c is None else {port: x, "c": c}
        results = self.run(function, inputs, pattern, noise=noise, seeds=seeds)
        own = {p.name for p in self.ports(function)}
        return {name: layer for name, layer in results.items() if name not in own}

    @property
    def tensors(self) -> list[str]:
        """The names of the stored tensors: "synthesis.b64.conv1.weight"."""
        names: list[str] = []
        with self._context._lock:
            while row := _lib.atl_model_tensor_get(self._h, len(names)):
                names.append(row.contents.name.decode())
        return names

    def tensor(self, name: str) -> np.ndarray:
        """A copy of a stored tensor, in the shape that the official files give it."""
        with self._context._lock:
            row = _lib.atl_model_tensor(self._h, name.encode())
            if row:
                return _copy_of(row.contents)
        near = difflib.get_close_matches(name, self.tensors, 1)
        raise ValueError(f"the network has no tensor {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))

    def save(self, path: str | os.PathLike[str], dtype: str = "f32") -> None:
        """Writes the network as safetensors.  dtype "f16": weights rounded to nearest even."""
        self._call(_lib.atl_model_save, _text(path), _word("atl_dtype", dtype, "dtype"))


def portraits() -> str:
    """The path of the small network of portraits that comes with Atelier."""
    name = "portraits-64.safetensors"
    here = os.path.dirname(os.path.realpath(__file__))
    folders = [os.path.join(here, "..", "models")]
    folders += [os.path.join(prefix, "share", "atelier") for prefix in (sys.prefix, "/usr/local", "/usr")]
    for folder in folders:
        path = os.path.normpath(os.path.join(folder, name))
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"{name} is in none of {', '.join(folders)}: give the path of a network")


def convert(source: str | os.PathLike[str], dest: str | os.PathLike[str], net: str | None = None,
            dtype: str = "f32", *, ignore_unused: bool = False, assume: str | None = None,
            heads: str | os.PathLike[str] | None = None) -> None:
    """Writes the networks of a checkpoint, or the one named, as safetensors.  dtype: "f32" or "f16"; heads: those of
    LPIPS, to be joined with their backbone, `source`; the rest as for Model.open()."""
    ctx = _context()
    options = _ConvertOptions(net=_text(net), dtype=_word("atl_dtype", dtype, "dtype"), ignore_unused=ignore_unused,
                              assume=_text(assume), heads=_text(heads))
    ctx._call(_lib.atl_convert, ctx._h, _text(source), _text(dest), byref(options))


def inspect(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a checkpoint holds: format, networks with config, parameters, fingerprint, tensors, layers."""
    return json.loads(_context()._text_of(_lib.atl_inspect, _text(path)))


def formats() -> dict[str, Any]:
    """What this build opens ("layouts") and runs ("networks")."""
    return json.loads(_context()._text_of(_lib.atl_formats))


# ---- arrays and pictures in files

def _copy_of(a: _Array) -> np.ndarray:
    """An array of the library as numpy's own; bfloat16 becomes float32."""
    kind = _ENUMS["atl_dtype"][a.dtype]
    out = np.empty(tuple(a.dims[:a.rank]), _DTYPES.get(kind, "<f4"))
    if kind == "bf16":
        _lib.atl_array_read_f32(byref(a), 0, out.size, out.ctypes.data)
    elif out.size:
        ctypes.memmove(out.ctypes.data, a.data, out.nbytes)
    return out


def _take_arrays(handle: c_void_p) -> dict[str, np.ndarray]:
    rows = [_lib.atl_arrays_get(handle, i).contents for i in range(_lib.atl_arrays_size(handle))]
    return {a.name.decode("utf-8", "replace"): _copy_of(a) for a in rows}


def _array_rows(arrays: dict[str, Any]) -> tuple[Any, list[np.ndarray]]:
    """The library's structs of arrays, and the arrays that they point to."""
    names = {np.dtype(text): name for name, text in _DTYPES.items()}
    kept, rows = [], (_Array * max(len(arrays), 1))()
    for row, (name, value) in zip(rows, arrays.items()):
        array = np.ascontiguousarray(value)
        if array.dtype not in names or array.ndim > 8:
            raise ValueError(f"{name}: arrays of {array.dtype} with {array.ndim} dimensions can't be kept")
        array = array.reshape(np.shape(value))  # numpy makes a vector of a scalar
        row.name, row.dtype, row.rank = name.encode(), _ENUMS["atl_dtype"].index(names[array.dtype]), array.ndim
        row.dims[:array.ndim] = array.shape
        row.data = array.ctypes.data
        kept.append(array)
    return rows, kept


def _port_of(p: _PortInfo) -> Port:
    shape = tuple(p.dims[:p.rank])
    initial = np.ctypeslib.as_array(p.initial, shape).copy() if p.initial else None
    return Port(p.name.decode(), _ENUMS["atl_port_kind"][p.kind], shape, initial)


def load_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of a .npy, .npz or .safetensors file by name ("" for a lone .npy); bfloat16 becomes float32."""
    ctx, handle = _context(), c_void_p()
    try:
        ctx._call(_lib.atl_arrays_open, ctx._h, _text(path), byref(handle))
        return _take_arrays(handle)
    finally:
        with ctx._lock:
            _lib.atl_arrays_close(byref(handle))


def save_arrays(path: str | os.PathLike[str], arrays: dict[str, Any], metadata: dict[str, str] | None = None) -> None:
    """Writes arrays by name as safetensors."""
    rows, kept = _array_rows(arrays)
    ctx = _context()
    ctx._call(_lib.atl_safetensors_write, ctx._h, _text(path), rows, len(arrays), _pairs(metadata),
              len(metadata or {}))


def _pairs(text: dict[str, str] | None) -> Any:
    return (_Pair * max(len(text or {}), 1))(*[_Pair(key=k.encode(), value=v.encode()) for k, v in
                                               (text or {}).items()])


def _take_pixels(ctx: Context, image: _Image) -> np.ndarray:
    """The pixels of a picture that the library made, uint8 [h, w, c]."""
    try:
        shape = (image.height, image.width, image.channels)
        count = shape[0] * shape[1] * shape[2]
        return np.frombuffer((c_uint8 * count).from_address(image.pixels), np.uint8).reshape(shape).copy()
    finally:
        with ctx._lock:
            _lib.atl_image_clear(ctx._handle, byref(image))


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """A PNG, JPEG, WebP, GIF, TIFF or BMP, recognised by content: uint8 [h, w, c]; palettes, 16 bits and CMYK become 8 bits."""
    ctx, image = _context(), _Image()
    ctx._call(_lib.atl_image_read, ctx._h, _text(path), byref(image))
    return _take_pixels(ctx, image)


def write_image(path: str | os.PathLike[str], image: Any, format: str | None = None, quality: int = 0,
                text: dict[str, str] | None = None) -> None:
    """Writes uint8 [h, w] or [h, w, c] as "png", "jpg" or "webp" (None: by the ending of the name), with `text` kept
    in the picture.  quality: 1 to 100 for jpg and webp; 0: 95; webp at 100 is lossless."""
    struct, kept = _image_of(image)
    if format is None:
        format = os.path.splitext(os.fspath(path))[1].lstrip(".").lower().replace("jpeg", "jpg")
    ctx = _context()
    ctx._call(_lib.atl_image_write, ctx._h, _text(path), _text(format), byref(struct), quality, _pairs(text),
              len(text or {}))


def image_text(path: str | os.PathLike[str], key: str = "atelier") -> str | None:
    """The text kept under `key` in a picture, or None.  The program keeps its record, JSON, under "atelier"."""
    return _context()._text_of(_lib.atl_image_text, _text(path), key.encode())


# ---- metrics

Detectors = Union[dict[str, Any], Callable[[str], Any]]


@dataclass(frozen=True)
class MetricResult:
    """One metric: its values and their standard errors by name, as the official codes call them."""
    metric: str
    values: dict[str, float]
    errors: dict[str, float]  #: nan where not known
    method: str               #: how the errors were found
    how: str                  #: what else decides the number
    fakes: int                #: pictures that it is of; 0: none
    reals: int
    seconds: float


def metric_names() -> list[str]:
    """The metrics that there are, with their usual numbers of pictures."""
    info, names = _MetricInfo(), []
    while _lib.atl_metric_get_info(len(names), byref(info)):
        names.append(info.name.decode())
    return names


class Metrics(_Child):
    """A measurement (docs/metrics.md), of a network or of pictures in its place.

        for result in atelier.Metrics("network.safetensors", "faces-256.zip", "swd16k,msssim20k").run():
            print(result.metric, result.values, result.errors)

    metrics    names with commas; None: those that need no detector
    fakes      pictures in place of the network: a folder or a .zip
    num        pictures in place of the number in each name; 0: as the names say
    detectors  the files of detectors: a dict from roles ("inception", "lpips-vgg") to a path, or to (trunk, heads);
               or a function of a role, which returns None where there is none
    cache      folder where features of the data are kept; None: they are not
    codes      [n, num_ws, w_dim]: what lies between random pairs of them, in place of random latents"""

    _noun = "measurement"

    def __init__(self, network: str | os.PathLike[str] | None = None, data: str | os.PathLike[str] | None = None,
                 metrics: str | None = None, *, fakes: str | os.PathLike[str] | None = None, num: int = 0,
                 mirror: bool = False, psi: float = 1.0, cutoff: int = 0, class_idx: int = -1, noise: str = "random",
                 seed: int = 0, batch: int = 0, detectors: Detectors | None = None, resize: str | None = None,
                 cache: str | os.PathLike[str] | None = None, save_features: str | os.PathLike[str] | None = None,
                 real_features: str | os.PathLike[str] | None = None, reference_order: bool = False,
                 codes: Any = None, context: Context | None = None) -> None:
        self._texts: list[Any] = []  # of the callback's answers
        stop = _Stop()
        self._find = _FIND(lambda user, role, path, heads: self._answer(stop, detectors, role, path, heads))
        options = _MetricsOptions(
            metrics=_text(metrics), network=_text(network), fakes=_text(fakes), data=_text(data), num=num, mirror=mirror,
            truncation_psi=psi, truncation_cutoff=cutoff, class_index=class_idx, noise_mode=_noise_mode(noise),
            seed=seed, batch=batch, find_detector=self._find if detectors else _FIND(), resize=_text(resize),
            cache=_text(cache), save_features=_text(save_features), real_features=_text(real_features),
            reference_order=reference_order)
        if codes is not None:  # which live as long
            self._codes = _numbers(codes, (None, None, None), "codes")
            options.codes, options.code_count = self._codes.ctypes.data, len(self._codes)
            options.code_size = self._codes[0].size if len(self._codes) else 0
        try:
            self._adopt(_context(context), _lib.atl_metrics_close, _lib.atl_metrics_open, byref(options))
        except AtelierError:
            if stop.error:
                raise stop.error from None
            raise

    def _answer(self, stop: _Stop, detectors: Any, role: bytes, path: Any, heads: Any) -> int | None:
        found: list[Any] = []

        def look() -> None:
            name = role.decode()
            files = detectors.get(name) if isinstance(detectors, dict) else detectors(name)
            found.extend([files] if isinstance(files, (str, os.PathLike)) else files or [])

        if stop.guard(look) or not found:
            return self._keep(f"{role.decode()}: no file was given for this detector".encode())
        path[0] = self._keep(os.fsencode(found[0]))
        heads[0] = self._keep(os.fsencode(found[1])) if len(found) > 1 else None
        return None

    def _keep(self, text: bytes) -> int:
        self._texts.append(ctypes.create_string_buffer(text))
        return ctypes.addressof(self._texts[-1])

    @property
    def finished(self) -> bool:
        with self._context._lock:
            return bool(_lib.atl_metrics_get_state(self._h).contents.finished)

    def step(self) -> None:
        """The next batch, or the arithmetic at the end of a metric."""
        self._call(_lib.atl_metrics_step)

    def run(self, progress: Callable[[int, int, str], None] | None = None) -> list[MetricResult]:
        """All steps.  progress(done, total, what) is called after each."""
        while not self.finished:
            self.step()
            if progress:
                with self._context._lock:
                    state = _lib.atl_metrics_get_state(self._h).contents
                    row = state.done, state.total, (state.what or b"").decode("utf-8", "replace")
                progress(*row)
        return self.results()

    def results(self) -> list[MetricResult]:
        """Those that are there so far."""
        count = c_int()
        with self._context._lock:
            rows = _lib.atl_metrics_get_results(self._h, byref(count))
            return [_metric_result(rows[i]) for i in range(count.value)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """What has been measured so far, to go on another day."""
        self._call(_lib.atl_metrics_save, _text(path))

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Goes on from a file of save(), before the first step."""
        self._call(_lib.atl_metrics_restore, _text(path))


def _metric_result(row: _MetricResult) -> MetricResult:
    values = [row.values[i] for i in range(row.count)]
    names = [v.name.decode() for v in values]
    return MetricResult(row.metric.decode(), dict(zip(names, [v.value for v in values])),
                        dict(zip(names, [v.error for v in values])), (row.method or b"").decode(),
                        (row.how or b"").decode(), row.fakes, row.reals, row.seconds)


class Spectrum(_Child):
    """The average power spectrum of square pictures (docs/spectra.md).

        spectrum = atelier.Spectrum(256, mean=112.7, std=69.5)
        for image, label in atelier.Dataset("faces-256.zip"):
            spectrum.add(image)
        decibels = 10 * np.log10(np.fft.fftshift(spectrum.power()))

    mean, std  of all numbers of the pictures, 0 to 255: what makes them white
    interp     how many frequencies for each one of a picture
    beta       of the Kaiser window"""

    _noun = "spectrum"

    def __init__(self, side: int, mean: float, std: float, interp: int = 4, beta: float = 8.0,
                 context: Context | None = None) -> None:
        options = _SpectrumOptions(side=side, interp=interp, beta=beta, mean=mean, deviation=std)
        self._n = side * interp
        self._adopt(_context(context), _lib.atl_spectrum_close, _lib.atl_spectrum_open, byref(options))

    def add(self, image: Any) -> None:
        """One more picture, uint8 [side, side] or [side, side, c] with 1 or 3 channels."""
        struct, kept = _image_of(image)
        self._call(_lib.atl_spectrum_add, byref(struct))

    def __len__(self) -> int:
        """Pictures so far."""
        with self._context._lock:
            return int(_lib.atl_spectrum_count(self._h))

    def power(self) -> np.ndarray:
        """The average so far, float64 [side * interp, side * interp]; the frequency zero is at the corner."""
        out = np.empty((self._n, self._n), np.float64)
        self._call(_lib.atl_spectrum_read, out.ctypes.data)
        return out


# ---- directions in latent space

@dataclass(frozen=True)
class Direction:
    """One of Directions (atl_direction)."""

    name: str            #: "": none
    space: str           #: "z", "w", "ws" or "s"
    values: np.ndarray   #: [width], of ws [num_ws, width]
    scale: float         #: how far strength 1 goes
    layers: tuple[int, ...]  #: that it is meant for; (): all
    value: float         #: eigenvalue, variance or accuracy; NaN: none
    offset: float        #: of a boundary


def _layer_bits(layers: Iterable[int] | None) -> int:
    bits = 0
    for layer in layers or ():
        if not 0 <= layer < 64:
            raise ValueError(f"layer {layer}: layers are counted from 0 to 63")
        bits |= 1 << layer
    return bits


class _Fit(_Child):
    _noun = "fit"

    def __init__(self, context: Context, options: _FitOptions) -> None:
        self._adopt(context, _lib.atl_fit_close, _lib.atl_fit_open, byref(options))


class Directions(_Child):
    """Directions in latent space: found, read, and gone along (docs/editing.md).

        found = atelier.Directions.sefa(model, layers=range(4))
        z = atelier.seed_to_z([85], model.info.z_dim)
        ws = found.move(model.map(z), 0, 3.0)
        found.save("sefa.safetensors")"""

    _noun = "set of directions"

    def __init__(self) -> None:
        raise TypeError("use Directions.open(), Directions.sefa() or Directions.fit()")

    @classmethod
    def _from(cls, context: Context, function: Callable[..., int], *before: Any, first: bool = True) -> Directions:
        self = cls.__new__(cls)
        self._adopt(context, _lib.atl_directions_close, function, *before, first=first)
        return self

    @classmethod
    def open(cls, path: str | os.PathLike[str], array: str | None = None, context: Context | None = None) -> Directions:
        """A file of directions, Atelier's or somebody else's.  What does not say whether it moves z or w moves w."""
        return cls._from(_context(context), _lib.atl_directions_open, _text(path), _text(array), None)

    @classmethod
    def sefa(cls, model: Model, layers: Iterable[int] | None = None, count: int = 0) -> Directions:
        """Those in which the weights that read w change styles the most (Shen and Zhou 2021)."""
        options = _SefaOptions(layers=_layer_bits(layers), count=count)
        return cls._from(model._context, _lib.atl_directions_sefa, model._h, byref(options), first=False)

    @classmethod
    def fit(cls, x: Any, scores: Any = None, method: str | None = None, space: str = "w", count: int = 0,
            chosen: float = 0.02, training: float = 0.7, context: Context | None = None) -> Directions:
        """Of latents x [n, width].  Without scores principal directions ("pca", or "ipca": all in one block); with
        scores [n] a "boundary" between high and low ones, with scores [n, k] directions by least squares ("lstsq")."""
        array = np.asarray(x)
        x = _numbers(array, (None, array.shape[-1] if array.ndim == 2 else None), "x")
        if scores is not None:
            scores = np.asarray(scores)
            method = method or ("boundary" if scores.ndim == 1 else "lstsq")
            scores = _numbers(scores[:, None] if scores.ndim == 1 else scores, (len(x), None), "scores", np.float64)
            count = scores.shape[1]
        options = _FitOptions(method=_word("atl_fit_method", method or "pca", "method"),
                              space=_word("atl_direction_space", space, "space"), rows=1, width=x.shape[1], count=count,
                              chosen=chosen, training=training, centred=1)
        context = _context(context)
        with _Fit(context, options) as fit:
            fit._call(_lib.atl_fit_add, len(x), x.ctypes.data, None if scores is None else scores.ctypes.data)
            return cls._from(context, _lib.atl_fit_read, fit._h, first=False)

    @property
    def method(self) -> str:
        """"sefa", "ganspace", "boundary", "lstsq", or "" where a file does not say."""
        return _lib.atl_directions_method(self._h).decode()

    def __len__(self) -> int:
        return int(_lib.atl_directions_size(self._h))

    def _at(self, which: int | str) -> Any:
        if isinstance(which, str):
            for i in range(len(self)):
                direction = _lib.atl_directions_get(self._h, i)
                if direction.contents.name == which.encode():
                    return direction
            raise KeyError(which)
        if not -len(self) <= which < len(self):
            raise IndexError(f"direction {which} of {len(self)}")
        return _lib.atl_directions_get(self._h, which % len(self))

    def __getitem__(self, which: int | str) -> Direction:
        d = self._at(which).contents
        shape = (d.rows, d.width) if d.rows > 1 else (d.width,)
        values = np.ctypeslib.as_array(d.values, shape).copy()
        return Direction(d.name.decode("utf-8", "replace"), _ENUMS["atl_direction_space"][d.space], values,
                         d.scale, tuple(i for i in range(64) if d.layers >> i & 1), d.value, d.offset)

    def move(self, x: Any, which: int | str, strength: float, layers: Iterable[int] | None = None,
             how: str = "by") -> np.ndarray:
        """A copy of x, z or w [n, width] or ws [n, num_ws, width], moved; "to": so far from the boundary."""
        array = np.array(x, np.float32, order="C")
        if array.ndim not in (2, 3):
            raise ValueError(f"x has shape {list(array.shape)}; expected [n, width] or [n, num_ws, width]")
        options = _MoveOptions(how=_word("atl_move_how", how, "how"), layers=_layer_bits(layers))
        rows = array.shape[1] if array.ndim == 3 else 1
        direction = self._at(which)
        for one in array:
            self._context._call(_lib.atl_direction_move, self._context._h, direction, byref(options), strength,
                                rows, array.shape[-1], one.ctypes.data)
        return array

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes Atelier's own file, safetensors."""
        self._call(_lib.atl_directions_write, _text(path))


class _Landmarks(_Child):
    _noun = "file of landmarks"

    def __init__(self, path: str | os.PathLike[str], context: Context) -> None:
        self._adopt(context, _lib.atl_faces_close, _lib.atl_faces_open, _text(path))


def landmarks(path: str | os.PathLike[str], context: Context | None = None) -> list[tuple[str | None, np.ndarray]]:
    """The faces of a file of landmarks, FFHQ's JSON or a line of 68 pairs for each: (name of its photo, [68, 2])."""
    found = []
    with _Landmarks(path, _context(context)) as file:
        for i in range(_lib.atl_faces_size(file._h)):
            face = _lib.atl_faces_get(file._h, i).contents
            points = np.array([(p.x, p.y) for p in face.landmarks])
            found.append((face.photo.decode("utf-8", "replace") if face.photo else None, points))
    return found


class Alignment:
    """A square of a photo, cut out as a network wants it and pasted back (docs/editing.md).

        square = atelier.Alignment.face(points)            # 68 landmarks, as dlib finds them
        crop = square.crop(photo, 1024)
        photo = square.paste(edited, photo)

    quad     float [4, 2]: the corners of the photo that become top left, bottom left, bottom right, top right
    photo    the name of the photo that a record gives it, or None
    source   where the square is from: "landmarks", "box", "dlib", "center", or None"""

    def __init__(self, quad: Any, photo: str | None = None, source: str | None = None) -> None:
        self.quad = _numbers(quad, (4, 2), "quad", np.float64)
        self.photo, self.source = photo, source

    @classmethod
    def face(cls, points: Any, context: Context | None = None) -> Alignment:
        """The square of FFHQ around 68 landmarks [68, 2]."""
        context, quad = _context(context), _Quad()
        array = _numbers(points, (68, 2), "points", np.float64)
        context._call(_lib.atl_align_face, context._h, (_Point * 68)(*(_Point(x=x, y=y) for x, y in array)),
                      byref(quad))
        return cls(_corners(quad), source="landmarks")

    @classmethod
    def box(cls, x: float, y: float, size: float) -> Alignment:
        """The upright square whose first pixel is (x, y)."""
        quad = _Quad()
        _lib.atl_align_box(x, y, size, byref(quad))
        return cls(_corners(quad), source="box")

    @classmethod
    def open(cls, path: str | os.PathLike[str], context: Context | None = None) -> Alignment:
        """The record beside a crop of `atelier align`, or of save()."""
        context, record = _context(context), _Alignment()
        context._call(_lib.atl_alignment_read, context._h, _text(path), byref(record))
        try:
            return cls(_corners(record.quad), *(text.decode("utf-8", "replace") if text else None
                                                for text in (record.photo, record.source)))
        finally:
            with context._lock:
                _lib.atl_alignment_clear(context._handle, byref(record))

    def _struct(self) -> _Quad:
        return _Quad(corner=(_Point * 4)(*(_Point(x=x, y=y) for x, y in self.quad)))

    def save(self, path: str | os.PathLike[str], photo: Any, pixels: int, context: Context | None = None) -> None:
        """The record of a crop of so many pixels of `photo`, uint8 [h, w, c], as `atelier edit --onto` reads it."""
        context, height, width = _context(context), *np.shape(photo)[:2]
        record = _Alignment(quad=self._struct(), pixels=pixels, width=width, height=height, photo=_text(self.photo),
                            source=_text(self.source))
        context._call(_lib.atl_alignment_write, context._h, _text(path), byref(record))

    def crop(self, photo: Any, pixels: int = 1024, exact: bool = False, bare: bool = False,
             context: Context | None = None) -> np.ndarray:
        """The square of uint8 [h, w, c], [pixels, pixels, c].  exact: read at that size, as encoders' scripts do; bare:
        black outside of the photo in place of a mirrored border."""
        context, (struct, _kept), made = _context(context), _image_of(photo, "photo"), _Image()
        options = _AlignOptions(pixels=pixels, exact=exact, bare=bare)
        context._call(_lib.atl_align_crop, context._h, byref(struct), byref(self._struct()), byref(options), byref(made))
        return _take_pixels(context, made)

    def paste(self, crop: Any, photo: Any, border: float = 0.1, mask: Any = None,
              context: Context | None = None) -> np.ndarray:
        """A copy of the photo with a crop of any size where it was cut out; it fades over `border` of its side, and
        with a mask, uint8 as large as the crop, only what is white is pasted."""
        context, (struct, _kept) = _context(context), _image_of(crop, "crop")
        whole, pixels = _image_of(np.array(photo), "photo")
        options = _PasteOptions(border=border)
        if mask is not None:
            gray, _mask = _image_of(mask, "mask")
            options.mask = ctypes.pointer(gray)
        context._call(_lib.atl_align_paste, context._h, byref(struct), byref(self._struct()), byref(options),
                      byref(whole))
        return pixels


def _corners(quad: _Quad) -> np.ndarray:
    return np.array([(p.x, p.y) for p in quad.corner])


# ---- editing

class Editor(_Child):
    """Edited pictures of a generator: along directions of w and of styles, everywhere or within a mask.

        editor = atelier.Editor(model, mask=mouth)
        pictures = editor.edit(ws, [(smiles, 0, 3.0)])       # directions, which of them, how far

    n            pictures at once
    mask         [height, width] from 0 (keep) to 1 (edit); None: all is edited
    in_features  the mask holds in every layer, not in the finished picture
    noise        "const" (the stored maps), "none", or maps [h, w], one for each of noise_sizes"""

    _noun = "editor"

    def __init__(self, model: Model, n: int = 1, mask: Any = None, in_features: bool = False,
                 noise: str | Sequence[Any] = "const") -> None:
        info = model.info
        mode = _noise_mode(noise) if isinstance(noise, str) else _ENUMS["atl_noise_mode"].index("maps")
        options = _EditorOptions(n=n, styles=_has_styles(model), in_features=in_features, noise_mode=mode)
        if mask is not None:
            kept = _numbers(mask, (info.height, info.width), "mask")
            options.mask = kept.ctypes.data
        self._model, self._n, self._masked = model, n, mask is not None
        self._adopt(model.context, _lib.atl_editor_close, _lib.atl_editor_open, model._h, byref(options), first=False)
        if not isinstance(noise, str):
            maps, _kept = model._noise_maps(noise)
            self._call(_lib.atl_editor_maps, maps)

    def edit(self, ws: Any, moves: Iterable[tuple[Directions, int | str, float]]) -> np.ndarray:
        """Pictures float32 [n, channels, height, width] of ws [n, num_ws, w_dim], moved along directions of w, ws or s."""
        i = self._model.info
        original = _numbers(ws, (None, i.num_ws, i.w_dim), "ws")
        if len(original) > self._n:
            raise ValueError(f"ws: {len(original)} latents; the editor was made for {self._n} at once")
        moved = original
        with self._context._lock:
            _lib.atl_editor_reset(self._h)
        for directions, which, strength in moves:
            space = directions[which].space
            if space == "z":
                raise ValueError(f"direction {which!r} moves z: use Directions.move() and Model.map()")
            if space != "s":
                moved = directions.move(moved, which, strength)
            for k in range(len(original)) if space == "s" else ():
                self._call(_lib.atl_editor_style, k, directions._at(which), strength)
        out = np.empty((len(original), i.channels, i.height, i.width), np.float32)
        self._call(_lib.atl_editor_run, len(original), moved.ctypes.data,
                   original.ctypes.data if self._masked else None, out.ctypes.data)
        return out


def _has_styles(model: Model) -> bool:
    with model.context._lock:
        return bool(_lib.atl_model_style(model._h, 0, byref(_StyleInfo())))


def lpips(path: str | os.PathLike[str], heads: str | os.PathLike[str] | None = None,
          context: Context | None = None) -> Model:
    """LPIPS out of a file, or of one with the trunk and one with the heads (docs/detectors.md)."""
    return Model._from(_context(context), _lib.atl_lpips_open, os.fsencode(path), _text(heads))


def _targets(model: Model, pictures: Sequence[Any]) -> np.ndarray:
    """Pictures, uint8 [h, w, c] of any size, as the generator has them: float32 [n, channels, height, width]."""
    i = model.info
    out = np.empty((len(pictures), i.channels, i.height, i.width), np.float32)
    for k, picture in enumerate(pictures):
        struct, _kept = _image_of(picture, "picture")
        model._call(_lib.atl_project_target, byref(struct), out[k].ctypes.data, None)
    return out


class Projector(_Child):
    """Pictures found again in a generator (docs/editing.md).

        projector = atelier.Projector(model, [photo], loss="mse", steps=500)
        for distance in projector.run():
            print(projector.step, distance)
        ws, maps = projector.ws, projector.noise_maps

    pictures  uint8 [h, w, c] of any size: cut and resized as the official projector does
    space     "w", "w+", "z", or "s": the styles of all layers
    loss      "lpips", "lpips+mse", "mse" or "vgg-image2stylegan"; all but "mse" need `features`, a Model
    ws        to start from; best_of: start from the nearest of so many random latents
    mask      float [height, width] of the generator: 0 where a picture does not count"""

    _noun = "projector"

    def __init__(self, model: Model, pictures: Sequence[Any], *, steps: int = 1000, seed: int = 303, space: str = "w",
                 loss: str = "lpips", features: Model | None = None, noise_maps: bool = True, lr: float = 0.0,
                 ws: Any = None, best_of: int = 0, mask: Any = None, class_idx: int | Sequence[int] | None = None) -> None:
        i, n = model.info, len(pictures)
        options = _ProjectOptions(batch=n, steps=steps, seed=seed, space=_text(space), loss=_text(loss),
                                  features=features._h if features else None, noise_maps=noise_maps, lr=lr,
                                  samples=10000, initial_noise=0.05, noise_ramp=0.75, rampup=0.05, rampdown=0.25,
                                  noise_weight=1e5, mse_weight=1.0)
        self._model, self._features = model, features  # which live as long
        self._adopt(model.context, _lib.atl_projector_close, _lib.atl_projector_open, model._h, byref(options),
                    first=False)
        targets = _targets(model, pictures)
        start = _ProjectStart(count=n, targets=targets.ctypes.data, best_of=best_of)
        kept = []
        for name, value, shape in (("ws", ws, (n, i.num_ws, i.w_dim)), ("mask", mask, (i.height, i.width))):
            if value is not None:
                kept.append(_numbers(value, shape, name))
                setattr(start, name, kept[-1].ctypes.data)
        if class_idx is not None:
            kept.append(_one_hot(class_idx, i.c_dim, n))
            start.c = kept[-1].ctypes.data
        self._call(_lib.atl_projector_begin, byref(start))

    def _state(self) -> Any:
        return _lib.atl_projector_get_state(self._h).contents

    @property
    def step(self) -> int:
        """Steps that were made."""
        with self._context._lock:
            return int(self._state().step)

    def run(self) -> Iterator[np.ndarray]:
        """The steps that are left; after each the distances [n] before it."""
        while self.step < self._state().steps:
            self._call(_lib.atl_projector_step)
            yield np.array([self._state().distance[k] for k in range(self._state().count)])

    @property
    def ws(self) -> np.ndarray:
        """What was found so far, [n, num_ws, w_dim]."""
        i = self._model.info
        out = np.empty((self._state().count, i.num_ws, i.w_dim), np.float32)
        self._call(_lib.atl_projector_read, out.ctypes.data)
        return out

    @property
    def latent(self) -> np.ndarray:
        """What was moved, [n, size]: z of the space "z", w of "w" and "w+"; of "s" what the styles of all layers gain."""
        out = np.empty((self._state().count, _lib.atl_projector_latent_size(self._h)), np.float32)
        self._call(_lib.atl_projector_read_latent, out.ctypes.data)
        return out

    @property
    def noise_maps(self) -> list[np.ndarray]:
        """The maps that were found, [n, h, w] of each layer; those of Model.synthesize()."""
        maps = []
        for k, (h, w) in enumerate(self._model.noise_sizes):
            maps.append(np.empty((self._state().count, h, w), np.float32))
            self._call(_lib.atl_projector_read_map, k, maps[-1].ctypes.data)
        return maps

    def look(self) -> np.ndarray:
        """The pictures of what was found so far, float32 [n, channels, height, width]."""
        i = self._model.info
        out = np.empty((self._state().count, i.channels, i.height, i.width), np.float32)
        self._call(_lib.atl_projector_look, out.ctypes.data, None)
        return out

    def save(self, path: str | os.PathLike[str]) -> None:
        """All that the next step depends on."""
        self._call(_lib.atl_projector_save, os.fsencode(path))

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Goes on from a file of save(), bit for bit: with the same pictures and options."""
        self._call(_lib.atl_projector_restore, os.fsencode(path))


class Tuner(_Child):
    """A generator tuned until it makes pictures at their ws (docs/editing.md); the given one stays as it is.

        tuner = atelier.Tuner(model, [photo], ws, loss="mse")
        for loss in tuner.run():
            pass
        tuner.save("tuned.safetensors")"""

    _noun = "tuner"

    def __init__(self, model: Model, pictures: Sequence[Any], ws: Any, *, steps: int = 350, seed: int = 0, batch: int = 1,
                 loss: str = "lpips+mse", features: Model | None = None, lr: float = 3e-4, threshold: float = -1.0,
                 locality: float = 0.1, alpha: float = 30.0, layers: str | None = None) -> None:
        i, n = model.info, len(pictures)
        options = _TuneOptions(batch=batch, steps=steps, seed=seed, loss=_text(loss), lr=lr, threshold=threshold,
                               features=features._h if features else None, mse_weight=1.0, locality=locality,
                               alpha=alpha, truncation_psi=0.5, layers=_text(layers))
        self._model, self._features = model, features
        self._adopt(model.context, _lib.atl_tuner_close, _lib.atl_tuner_open, model._h, byref(options), first=False)
        targets, w = _targets(model, pictures), _numbers(ws, (n, i.num_ws, i.w_dim), "ws")
        start = _TuneStart(count=n, targets=targets.ctypes.data, ws=w.ctypes.data)
        self._call(_lib.atl_tuner_begin, byref(start))

    def _state(self) -> Any:
        return _lib.atl_tuner_get_state(self._h).contents

    def run(self) -> Iterator[float]:
        """The steps that are left; after each the loss before it."""
        while not self._state().finished:
            self._call(_lib.atl_tuner_step)
            yield float(self._state().loss)

    def look(self, pivot: int = 0) -> np.ndarray:
        """The picture of a pivot, float32 [channels, height, width]."""
        i = self._model.info
        out = np.empty((i.channels, i.height, i.width), np.float32)
        self._call(_lib.atl_tuner_look, pivot, out.ctypes.data, None)
        return out

    def save(self, path: str | os.PathLike[str], dtype: str = "f32", only_changed: bool = False) -> None:
        """Writes the tuned network, which opens as a Model, or only what changed, for the `deltas` of Model.open();
        dtype "f32" or "f16"."""
        write = _lib.atl_tuner_save_deltas if only_changed else _lib.atl_tuner_save
        self._call(write, os.fsencode(path), _word("atl_dtype", dtype, "dtype"))

    def keep(self, path: str | os.PathLike[str]) -> None:
        """All that the next step depends on."""
        self._call(_lib.atl_tuner_keep, os.fsencode(path))

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Goes on from a file of keep(), bit for bit: with the same pictures and options."""
        self._call(_lib.atl_tuner_restore, os.fsencode(path))


# ---- dragging

class Drag(_Child):
    """Handles on a generated picture moved to targets (docs/editing.md).

        ws = model.map(atelier.seed_to_z([7], model.info.z_dim))
        drag = atelier.Drag(model, ws, [(33, 39, 33, 33)])         # from x, y to x, y
        while not drag.arrived and drag.steps < 200:
            drag.step()
        picture = model.synthesize(drag.ws())

    ws           [num_ws, w_dim] or [1, num_ws, w_dim]
    mask         [height, width], true where the picture may change
    noise        maps of the picture, one for each of noise_sizes, such as Projector.noise_maps; None: the network's own
    space        "w+": each layer that moves has a w of its own; "w": they share one
    layers       how many of the first layers move; 0: 6
    layer        whose features are followed; None: one of half the picture's size, at most 128
    lr, motion, tracking, distance  see atelier/drag.h; 0: the usual"""

    _noun = "drag"

    def __init__(self, model: Model, ws: Any, points: Iterable[Sequence[float]], mask: Any = None, space: str = "w+",
                 layers: int = 0, layer: str | None = None, lr: float = 0.0, motion: float = 0.0,
                 tracking: float = 0.0, distance: float = 0.0, mask_weight: float = 20.0,
                 noise: Sequence[Any] | None = None) -> None:
        info, rows = model.info, [tuple(point) for point in points]
        array = np.array(ws, np.float32, order="C").reshape(-1)
        if array.size != info.num_ws * info.w_dim:
            raise ValueError(f"ws has shape {list(np.shape(ws))}; expected [{info.num_ws}, {info.w_dim}]")
        allowed = None if mask is None else np.ascontiguousarray(np.asarray(mask) != 0, np.uint8)
        if allowed is not None and allowed.shape != (info.height, info.width):
            raise ValueError(f"the mask has shape {list(allowed.shape)}; expected [{info.height}, {info.width}]")
        options = _DragOptions(space=space.encode(), layer=layer.encode() if layer else None, layers=layers, lr=lr,
                               motion=motion, tracking=tracking, distance=distance, mask_weight=mask_weight,
                               mask=None if allowed is None else allowed.ctypes.data)
        if noise is not None:
            options.noise_maps, _kept = model._noise_maps(noise)
        self._model, self._shape = model, (1, info.num_ws, info.w_dim)
        handles = (_DragPoint * max(len(rows), 1))(*(_DragPoint(x=a, y=b, to_x=c, to_y=d) for a, b, c, d in rows))
        self._adopt(model.context, _lib.atl_drag_close, _lib.atl_drag_open, model._h, array.ctypes.data, handles,
                    len(rows), byref(options), first=False)

    def _state(self) -> Any:
        with self._context._lock:
            return _lib.atl_drag_get_state(self._h).contents

    @property
    def steps(self) -> int:
        """Steps that were made."""
        return int(self._state().step)

    @property
    def arrived(self) -> bool:
        """Whether all handles are near their targets."""
        return bool(self._state().arrived)

    @property
    def distance(self) -> float:
        """Pixels of the farthest handle from its target."""
        return float(self._state().distance)

    @property
    def handles(self) -> list[tuple[float, float]]:
        """Where the handles are now."""
        state = self._state()
        return [(state.points[i].x, state.points[i].y) for i in range(state.count)]

    def step(self) -> None:
        """One step; none once the handles have arrived."""
        self._call(_lib.atl_drag_step)

    def ws(self) -> np.ndarray:
        """The latents of now, float32 [1, num_ws, w_dim]."""
        out = np.empty(self._shape, np.float32)
        self._call(_lib.atl_drag_read, out.ctypes.data)
        return out


# ---- pairs of pictures

def compare(a: Any, b: Any, lpips: Model | None = None, identity: Model | None = None, side: int = 0,
            context: Context | None = None) -> dict[str, float]:
    """How much alike two pictures, uint8 [h, w, c], are (docs/metrics.md): "mse" and "msssim", and with their networks
    "lpips" and "idsim"."""
    owner = (lpips or identity).context if lpips or identity else _context(context)
    options = _PairsOptions(side=side, lpips=lpips._h if lpips else None, identity=identity._h if identity else None)
    first, _kept = _image_of(a, "picture")
    second, _kept2 = _image_of(b, "picture")
    out = _PairLikeness()
    owner._call(_lib.atl_pictures_compare, owner._h, byref(first), byref(second), byref(options), byref(out))
    return {name: getattr(out, name) for name, _ in _PairLikeness._fields_ if not math.isnan(getattr(out, name))}


# ---- encoders

class Encoder(_Child):
    """Pictures to ws in one pass of an encoder, or in a few (docs/encoders.md).

        encoder = atelier.Encoder(atelier.Model.open("e4e.pt", net="encoder"), atelier.Model.open("e4e.pt"))
        ws, images = encoder([photo])                              # [1, num_ws, w_dim], [1, 3, height, width]

    steps    of an encoder that sees its result; 0: 5, others have 1
    factor   pictures are made smaller by it first (super-resolution)
    average  what codes are added to: latent_avg of the "file", or the average w of the "generator"
    noise    "const" or "none"
    hypernet a Model that tunes the generator to each picture (HyperStyle)"""

    _noun = "encoder"

    def __init__(self, encoder: Model, generator: Model, steps: int = 0, factor: int = 1, average: str = "file",
                 noise: str = "const", hypernet: Model | None = None) -> None:
        options = _EncodeOptions(steps=steps, factor=factor, average=_word("atl_encoder_average", average, "average"),
                                 noise_mode=_word("atl_noise_mode", noise, "noise"),
                                 hypernet=hypernet._h if hypernet else None)
        self._models = encoder, generator, hypernet  # which live as long
        self._adopt(generator.context, _lib.atl_encoder_close, _lib.atl_encoder_open, encoder._h, generator._h,
                    byref(options), first=False)
        with self._context._lock:
            self._info = _lib.atl_encoder_get_info(self._h).contents

    @property
    def steps(self) -> int:
        """How many steps it makes."""
        return int(self._info.steps)

    def __call__(self, pictures: Sequence[Any], every: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """ws [n, num_ws, w_dim] of pictures, uint8 [h, w, c] of any size, and the generator's images [n, c, h, w];
        every: of each step, [steps, n, ...]."""
        i, g, n = self._info, self._models[1].info, len(pictures)
        inputs = np.empty((n, i.channels, i.height, i.width), np.float32)
        for k, picture in enumerate(pictures):
            struct, _kept = _image_of(picture, "picture")
            self._call(_lib.atl_encoder_input, byref(struct), inputs[k].ctypes.data)
        ws = np.empty((i.steps, n, g.num_ws, g.w_dim), np.float32)
        images = np.empty((i.steps, n, g.channels, g.height, g.width), np.float32)
        self._call(_lib.atl_encoder_run, n, inputs.ctypes.data, ws.ctypes.data, images.ctypes.data)
        return (ws, images) if every else (ws[-1], images[-1])

    def save_deltas(self, path: str | os.PathLike[str]) -> None:
        """What the hypernetwork has changed in the generator for the last picture: deltas of its file."""
        self._call(_lib.atl_encoder_save_deltas, os.fsencode(path), 0)


class Congealer(_Child):
    """Pictures of a class brought into one place by a spatial transformer (docs/alignment.md).

        congealer = atelier.Congealer(atelier.Model.open("cat.pt", net="T_ema"))
        aligned = congealer([photo])                               # [1, 3, side, side]

    iterations  of the similarity; 0: as the file says, or 1
    side        of the aligned pictures; 0: that of the flow
    padding     what lies outside: as the "file" says, "border", "reflection" or "zeros"
    flip        the mirror image in place of a picture where its flow is smoother"""

    _noun = "congealer"

    def __init__(self, transformer: Model, iterations: int = 0, side: int = 0, padding: str = "file",
                 flip: bool = False) -> None:
        options = _CongealOptions(iterations=iterations, side=side, padding=_word("atl_padding", padding, "padding"),
                                  flip=flip)
        self._model = transformer  # which lives as long
        self._adopt(transformer.context, _lib.atl_congealer_close, _lib.atl_congealer_open, transformer._h,
                    byref(options), first=False)
        with self._context._lock:
            self._info = _lib.atl_congealer_get_info(self._h).contents

    @property
    def heads(self) -> int:
        """How many clusters there are."""
        return int(self._info.heads)

    def _inputs(self, pictures: Sequence[Any]) -> np.ndarray:
        inputs = np.empty((len(pictures), 3, self._info.input, self._info.input), np.float32)
        for k, picture in enumerate(pictures):
            struct, _kept = _image_of(picture, "picture")
            self._call(_lib.atl_congealer_input, byref(struct), inputs[k].ctypes.data)
        return inputs

    def clusters(self, classifier: Model, pictures: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        """The cluster of each picture, as the "classifier" of the transformer's file says, and whether its mirror image
        fits better, where it tells that."""
        inputs, n = self._inputs(pictures), len(pictures)
        head, flipped = np.zeros(n, np.int32), np.zeros(n, np.int32)
        self._call(_lib.atl_congealer_classify, classifier._h, n, inputs.ctypes.data, head.ctypes.data,
                   flipped.ctypes.data)
        return head, flipped

    def warp(self, pictures: Sequence[Any], head: Sequence[int] | None = None) -> dict[str, np.ndarray]:
        """What becomes of pictures, uint8 [h, w, c], of which the square in the middle counts: "img" [n, 3, side, side],
        "grid", "matrix", "flow", and of each "tv", "outside" and "flipped"; head: the cluster of each."""
        i, n = self._info, len(pictures)
        inputs = self._inputs(pictures)
        heads = np.zeros(n, np.int32) if head is None else np.ascontiguousarray(head, np.int32)
        if heads.shape != (n,):
            raise ValueError(f"head: {n} numbers are needed, one for each picture")
        out = {"img": np.empty((n, 3, i.side, i.side), np.float32), "grid": np.empty((n, i.side, i.side, 2), np.float32),
               "matrix": np.empty((n, 2, 3), np.float32),
               "flow": np.zeros((n, i.flow_side, i.flow_side, 2), np.float32),
               "tv": np.empty(n), "outside": np.empty(n), "flipped": np.empty(n, np.int32)}
        struct = _Congealed(**{name: array.ctypes.data for name, array in out.items()})
        self._call(_lib.atl_congealer_run, n, inputs.ctypes.data, heads.ctypes.data, byref(struct))
        return out

    def __call__(self, pictures: Sequence[Any], head: Sequence[int] | None = None) -> np.ndarray:
        """Pictures aligned, [n, 3, side, side]."""
        return self.warp(pictures, head)["img"]


# ---- ensembles

class Classifier(_Child):
    """What a network says of pictures: a ResNet, VGG16 or a network of one of CelebA's attributes (docs/encoders.md).

        judge = atelier.Classifier(atelier.Model.open("resnet18.pth"), 256, 256)
        judge(generator.generate(range(8), dtype=np.float32))      # [8, classes]

    height, width    of the pictures
    resize, crop     pixels of the shorter side, and of the square that is seen; 0: what the network was trained with
    colours          "unit", "imagenet", "cifar10"; None: the same"""

    _noun = "classifier"

    def __init__(self, network: Model, height: int, width: int, channels: int = 3, resize: int = 0, crop: int = 0,
                 colours: str | None = None) -> None:
        options = _ClassifierOptions(channels=channels, height=height, width=width, resize=resize, crop=crop,
                                     colours=_text(colours))
        self._network, self._shape = network, (channels, height, width)  # the network lives as long
        self._adopt(network.context, _lib.atl_classifier_close, _lib.atl_classifier_open, network._h, byref(options),
                    first=False)
        with self._context._lock:
            self._info = _lib.atl_classifier_get_info(self._h).contents

    @property
    def classes(self) -> int:
        """How many; a network of one number has two."""
        return int(self._info.classes)

    def __call__(self, images: Any, seeds: Iterable[int] | None = None) -> np.ndarray:
        """The chances of classes, [n, classes], of float images [n, channels, height, width] from -1 to 1; seeds: of a
        random crop of each, in place of the middle."""
        images = np.ascontiguousarray(images, np.float32)
        if images.shape[1:] != self._shape:
            raise ValueError(f"images have shape {list(images.shape)}; expected [n, {', '.join(map(str, self._shape))}]")
        n, chosen = len(images), None if seeds is None else np.ascontiguousarray(list(seeds), np.uint32)
        if chosen is not None and len(chosen) != n:
            raise ValueError(f"{len(chosen)} seeds for {n} images")
        out = np.empty((n, self.classes), np.float32)
        self._call(_lib.atl_classifier_run, n, images.ctypes.data, chosen.ctypes.data if chosen is not None else None,
                   out.ctypes.data)
        return out


def views(model: Model, ws: Any, n: int = 31, kind: str = "stylemix", layers: str | Iterable[int] = "fine",
          strength: float = 0.1, seed: int = 0, components: Directions | None = None, count: int = 20,
          class_idx: int | None = None) -> np.ndarray:
    """n codes [n, num_ws, w_dim] near ws [num_ws, w_dim]: "isotropic", along one of the first `count` components ("pca"),
    or with the styles of other latents ("stylemix"), in "fine", "coarse" or "all" layers or those named."""
    info = model.info
    ws = np.ascontiguousarray(ws, np.float32)
    if ws.shape != (info.num_ws, info.w_dim):
        raise ValueError(f"ws has shape {list(ws.shape)}; expected [{info.num_ws}, {info.w_dim}]")
    c = np.zeros(max(info.c_dim, 1), np.float32)
    if class_idx is not None:
        c[class_idx] = 1
    with model.context._lock:
        named = _lib.atl_view_layers(model._h, layers.encode()) if isinstance(layers, str) else _layer_bits(layers)
    if not named:
        raise ValueError(f"layers {layers!r}: expected fine, coarse, all, or numbers, of which the network has some")
    options = _ViewOptions(kind=_word("atl_view_kind", kind, "kind"), layers=named, strength=strength,
                           components=components._h if components else None, component_count=count, seed=seed,
                           c=c.ctypes.data if info.c_dim else None)
    out = np.empty((n, info.num_ws, info.w_dim), np.float32)
    model._call(_lib.atl_views_make, byref(options), ws.ctypes.data, n, out.ctypes.data)
    return out


def ensemble_weight(base: Any, deep: Any, labels: Any) -> tuple[float, np.ndarray]:
    """The weight of `deep` beside `base`, both [n, classes], with which most labels are right; and how many are with
    0, 0.05, ... 1."""
    base, deep = np.ascontiguousarray(base, np.float32), np.ascontiguousarray(deep, np.float32)
    labels, right = np.ascontiguousarray(labels, np.int32), np.empty(21, np.int64)
    if base.ndim != 2 or base.shape != deep.shape or labels.shape != base.shape[:1]:
        raise ValueError(f"shapes {base.shape}, {deep.shape}, {labels.shape}; expected [n, classes] twice and [n]")
    weight = _lib.atl_ensemble_choose(*base.shape, base.ctypes.data, deep.ctypes.data, labels.ctypes.data,
                                      right.ctypes.data)
    return weight, right


# ---- sets of pictures

@dataclass(frozen=True)
class DatasetInfo:
    """What a set of pictures is (atl_dataset_info)."""

    kind: str        #: "folder", "zip", "tfrecord", "cifar", "mnist", "lmdb"
    name: str        #: the stem of its path
    count: int
    width: int
    height: int
    channels: int
    label_size: int  #: numbers in a label; 0: no labels


@dataclass(frozen=True)
class Finding:
    """What Dataset.check() has to say of one picture."""

    kind: str    #: "damaged", "size", "shape", "mode", ... (atl_finding_kind)
    fatal: bool  #: the set can't be trained on as it is
    name: str    #: the picture's
    reason: str


class Dataset(_Child):
    """A set of pictures where it lies: a folder, a .zip, TFRecords, CIFAR-10, MNIST or LMDB (docs/datasets.md).

        for image, label in atelier.Dataset("faces-256.zip"): ...

    labels      "auto" (dataset.json, or what the format brings), "json", "folders" or "none"
    max_images  only the first so many, in order of names; 0: all"""

    _noun = "data set"

    def __init__(self, path: str | os.PathLike[str], labels: str = "auto", max_images: int = 0,
                 context: Context | None = None) -> None:
        options = _DatasetOptions(labels=_word("atl_labels", labels, "labels"), max_images=max_images)
        self._adopt(_context(context), _lib.atl_dataset_close, _lib.atl_dataset_open, _text(path), byref(options))
        raw = _lib.atl_dataset_info_get(self._h).contents
        values = {name: getattr(raw, name) for name, _ in _DatasetInfo._fields_}
        values.update(kind=raw.kind.decode(), name=os.fsdecode(raw.name))
        self.info = DatasetInfo(**values)

    def __len__(self) -> int:
        return self.info.count

    def _index(self, index: int) -> int:
        i = index + len(self) if index < 0 else index
        if not 0 <= i < len(self):
            raise IndexError(f"picture {index} of {len(self)}")
        return i

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Picture uint8 [h, w, c] and its label float32 [label_size], or None in a set without labels."""
        i, image = self._index(index), _Image()
        self._call(_lib.atl_dataset_read, i, byref(image))
        pixels, label = _take_pixels(self._context, image), None
        if self.info.label_size:
            label = np.empty(self.info.label_size, np.float32)
            with self._context._lock:
                _lib.atl_dataset_label(self._h, i, label.ctypes.data)
        return pixels, label

    def name(self, index: int) -> str:
        """The name of a picture: "00000/img00000000.png"."""
        with self._context._lock:
            return os.fsdecode(_lib.atl_dataset_name(self._h, self._index(index)))

    @staticmethod
    def make(source: str | os.PathLike[str], dest: str | os.PathLike[str], *, width: int = 0, height: int = 0,
             crop: str = "none", filter: str = "lanczos", labels: str = "auto", alpha: str = "refuse",
             color: str = "keep", max_images: int = 0, skip_bad: bool = False, orient: bool = False, threads: int = 0,
             progress: Callable[[int, int, str], None] | None = None,
             bad: Callable[[str, str], None] | None = None) -> dict[str, int]:
        """Writes the pictures of `source`, made uniform, to `dest`: a .zip, or a new or empty folder.  The result
        counts: written, small, bad, width, height, channels, label_size, lying (pictures that EXIF asks to turn, and were
        not).

        crop      "none", "center" (the largest square) or "center-wide"
        filter    of resizing: "lanczos" and "box", Pillow's to the bit, or "area"
        alpha     what lies behind transparency: "refuse", "white" or "black";  color: "keep", "rgb" or "gray"
        orient    turn pictures as EXIF asks
        progress  called with done, total and name after each picture;  bad: with name and reason of one that can't be
                  used.  What they raise stops the work, and comes out of make()"""
        stop, made = _Stop(), _DatasetMade()
        options = _DatasetMakeOptions(
            labels=_word("atl_labels", labels, "labels"), max_images=max_images, width=width, height=height,
            crop=_word("atl_crop", crop, "crop"), filter=_word("atl_resize", filter, "filter"),
            alpha=_word("atl_alpha", alpha, "alpha"), color=_word("atl_color", color, "color"), skip_bad=skip_bad,
            threads=threads, orient=orient)
        options.progress = _progress(stop, progress)
        options.bad = _BAD(lambda user, name, why: stop.guard(
            bad or (lambda *_: None), os.fsdecode(name), why.decode("utf-8", "replace")) and None)
        ctx = _context()
        ctx._calls_back(_lib.atl_dataset_make, stop, ctx._h, _text(source), _text(dest), byref(options), byref(made))
        return {name: getattr(made, name) for name, _ in _DatasetMade._fields_}

    @staticmethod
    def check(path: str | os.PathLike[str], labels: str = "auto", threads: int = 0,
              progress: Callable[[int, int, str], None] | None = None) -> list[Finding]:
        """Reads every picture and returns all that is wrong with any, sorted by name; an empty list is a good set."""
        stop, checked, found = _Stop(), _DatasetChecked(), []

        def add(finding: Any) -> None:
            f = finding.contents
            found.append(Finding(_lib.atl_finding_name(f.kind).decode(), bool(f.fatal), os.fsdecode(f.name),
                                 f.reason.decode("utf-8", "replace")))

        options = _DatasetCheckOptions(labels=_word("atl_labels", labels, "labels"), threads=threads)
        options.progress = _progress(stop, progress)
        options.found = _FOUND(lambda user, finding: stop.guard(add, finding) and None)
        ctx = _context()
        ctx._calls_back(_lib.atl_dataset_check, stop, ctx._h, _text(path), byref(options), byref(checked))
        return found


def _progress(stop: _Stop, function: Callable[[int, int, str], None] | None) -> Any:
    return _PROGRESS(lambda user, done, total, name: stop.guard(
        function or (lambda *_: None), done, total, os.fsdecode(name or b"")))


# ---- training

@dataclass(frozen=True)
class TrainOption:
    """One option of training, from the library's own table."""

    name: str               #: as an argument of Trainer: "batch_gpu"
    kind: str               #: "flag", "int", "real", "text" or "choice"
    default: str | None     #: in words: "50", "of cfg"
    words: tuple[str, ...]  #: what a choice, or a text, may be; empty: anything
    help: str


@dataclass(frozen=True)
class TrainState:
    """Where a run stands (atl_train_state)."""

    iteration: int         #: steps so far
    images: int            #: pictures shown so far
    augment_p: float       #: probability of augmentations
    augment_bounded: bool  #: it was to go beyond 1 and was kept there
    pl_mean: float
    rank: int              #: of this process, and how many there are
    ranks: int
    lod: float             #: level of detail of networks that grow: halvings of the full size
    batch: int             #: pictures of a step


class Trainer(_Child):
    """Training of a network of the family on a set of pictures, one step at a time.

        trainer = atelier.Trainer("faces-64.zip", cfg="auto", kimg=100, mirror=True)
        for stats in trainer:                       # one step each, until kimg thousand pictures were shown
            if trainer.state.iteration % 100 == 0:
                print(trainer.state.images, stats["Loss/G/loss"])
                trainer.save("snapshot.safetensors")

    Options are those of `atelier train`, with _ for -; Trainer.available() lists them and what each may be.

    data     a folder, a .zip or another source of pictures; None: noise of `resolution`, to measure
    resume   a file of save(): the run goes on exactly, when the options are the same

    Ctrl-C comes between two steps, so that the trainer can still be saved, or go on."""

    _noun = "trainer"

    def __init__(self, data: str | os.PathLike[str] | None = None, *, resume: str | os.PathLike[str] | None = None,
                 context: Context | None = None, **options: Any) -> None:
        if data is not None:
            options["data"] = os.fspath(data)
        raw, kept = _train_options(options)
        self._adopt(_context(context), _close_trainer, _lib.atl_trainer_open, raw)
        if resume is not None:
            self.restore(resume)

    @staticmethod
    def available() -> list[TrainOption]:
        """Every option, in the library's order."""
        return [TrainOption(f.name.decode().replace("-", "_"), _ENUMS["atl_train_kind"][f.kind],
                            f.standard.decode() if f.standard else None, _words_of(f), f.help.decode())
                for f in _train_fields()]

    @property
    def options(self) -> dict[str, Any]:
        """All options of this run with what was chosen for those that weren't given."""
        with self._context._lock:
            base = _lib.atl_trainer_get_options(self._h)
            return {f.name.decode().replace("-", "_"): _train_value(f, base) for f in _train_fields()}

    def describe(self) -> dict[str, Any]:
        """Options, and the configs of both networks and of the set, as `atelier train` writes them to a file."""
        return json.loads(self._context._text_of(_lib.atl_trainer_describe, handle=self._h))

    @property
    def state(self) -> TrainState:
        with self._context._lock:
            raw = _lib.atl_trainer_get_state(self._h).contents
            return TrainState(raw.iteration, raw.images, raw.augment_p, bool(raw.augment_bounded), raw.pl_mean,
                              raw.rank, raw.ranks, raw.lod, raw.batch)

    @property
    def set(self) -> DatasetInfo:
        """The pictures that it trains on; count is that of the subset, without mirroring."""
        with self._context._lock:
            raw = _lib.atl_trainer_get_set(self._h).contents
            return DatasetInfo("training", os.fsdecode(raw.name or b""), raw.count, raw.width, raw.height,
                               raw.channels, raw.label_size)

    def cost(self) -> dict[str, Any]:
        """What the run costs: parameters, bytes, phases with GFLOP and bytes, stages of networks that grow, and after
        measure() times."""
        lists = {"phases": (_TrainPhase, "n_phases"), "stages": (_TrainStage, "n_stages")}
        with self._context._lock:
            raw = _lib.atl_trainer_get_cost(self._h).contents
            values = {name: getattr(raw, name) for name, _ in _TrainCost._fields_
                      if name not in lists and not name.startswith("n_")}
            for name, (kind, count) in lists.items():
                values[name] = [{field: getattr(getattr(raw, name)[i], field) for field, _ in kind._fields_}
                                for i in range(getattr(raw, count))]
        for phase in values["phases"]:
            phase["name"] = phase["name"].decode()
        return values

    def measure(self, runs: int = 3) -> None:
        """Times each phase without any effect on the networks; cost() has the results."""
        self._call(_lib.atl_trainer_measure, runs)

    def step(self) -> dict[str, float]:
        """One step.  Returns the means over its samples by the official names, "Loss/scores/fake" and so on; a phase
        whose turn it was not says nothing."""
        with self._context._lock:
            _lib.atl_trainer_clear_stats(self._h)
            self._call(_lib.atl_trainer_step)
            count = c_int()
            rows = _lib.atl_trainer_get_stats(self._h, byref(count))
            return {rows[i].name.decode(): rows[i].sum / rows[i].count for i in range(count.value) if rows[i].count}

    def __iter__(self) -> Iterator[dict[str, float]]:
        """Steps until options["kimg"] thousand pictures were shown."""
        images = 1000 * self.options["kimg"]
        while self.state.images < images:
            yield self.step()

    @property
    def lacks(self) -> list[str]:
        """What the run of an encoder does without, and what that costs."""
        with self._context._lock:
            lines = []
            while line := _lib.atl_trainer_lacks(self._h, len(lines)):
                lines.append(line.decode())
            return lines

    def input(self, index: int) -> np.ndarray:
        """Of a run that trains an encoder: what it is shown of picture `index` of the set, float32 [c, h, w]."""
        pictures = self.set
        planes = np.empty((_lib.atl_trainer_input_channels(self._h), pictures.height, pictures.width), np.float32)
        self._call(_lib.atl_trainer_input, index, planes.ctypes.data)
        return planes

    def reconstruct(self, images: Any) -> np.ndarray:
        """Of a run that trains an encoder: what the generator makes of inputs [n, c, h, w] of the set's size, which are
        pictures from -1 to 1 or what input() gives, float32."""
        pictures, channels = self.set, _lib.atl_trainer_input_channels(self._h)
        images = np.ascontiguousarray(images, np.float32)
        if images.shape[1:] != (channels, pictures.height, pictures.width):
            raise ValueError(f"images of shape {images.shape}: [n, {channels}, {pictures.height}, "
                             f"{pictures.width}] are needed")
        made = np.empty((len(images), pictures.channels, pictures.height, pictures.width), np.float32)
        if len(images):
            self._call(_lib.atl_trainer_reconstruct, len(images), images.ctypes.data, made.ctypes.data)
        return made

    def generate(self, seeds: Seeds, class_idx: int | Sequence[int] | None = None, *, c: Any = None,
                 dtype: Any = np.uint8) -> np.ndarray:
        """Images of the average of G with its stored noise, uint8 [n, h, w, c] or float32 [n, c, h, w]."""
        _check_dtype(dtype)
        numbers, pictures, z_dim = _seed_array(seeds), self.set, _lib.atl_trainer_z_dim(self._h)
        c_dim = pictures.label_size if self.options["cond"] else 0
        if class_idx is not None:
            c = _one_hot(class_idx, c_dim, len(numbers))
        if c_dim and c is None:
            raise ValueError(f"the networks are conditional: choose a class with class_idx, 0 to {c_dim - 1}")
        c = None if c is None else _numbers(c, (len(numbers), c_dim), "c")
        z = seed_to_z(numbers, z_dim)
        images = np.empty((len(numbers), pictures.channels, pictures.height, pictures.width), np.float32)
        if len(numbers):
            self._call(_lib.atl_trainer_generate, len(numbers), z.ctypes.data, None if c is None else c.ctypes.data,
                       images.ctypes.data)
        return images if np.dtype(dtype) == np.float32 else to_uint8(images)

    def save(self, path: str | os.PathLike[str]) -> None:
        """All of the run in one file, which Model.open() opens too: that is its G_ema."""
        self._call(_lib.atl_trainer_save, _text(path))

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Goes on from a file of save()."""
        self._call(_lib.atl_trainer_restore, _text(path))

    def transfer(self, path: str | os.PathLike[str]) -> list[tuple[str, str, str]]:
        """Takes what fits by name and shape from any checkpoint.  Each item of the result is what became of a tensor
        ("used", "shape", "missing", "extra"), its network, and its name."""
        stop, told = _Stop(), []
        report = _REPORT(lambda user, what, net, tensor: stop.guard(
            told.append, (_ENUMS["atl_transfer"][what], net.decode(), tensor.decode())) and None)
        self._context._calls_back(_lib.atl_trainer_transfer, stop, self._h, _text(path), report, None)
        return told


def snapshot_options(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The options that a snapshot was made with, or None when the file holds networks alone."""
    text = _context()._text_of(_lib.atl_train_snapshot_record, _text(path))
    return None if text is None else json.loads(text)["options"]


def _close_trainer(handle: Any) -> None:
    _lib.atl_trainer_close(handle, 0)


def _train_fields() -> Any:
    count = c_size_t()
    first = _lib.atl_train_fields(byref(count))
    return first[:count.value]


def _words_of(field: _TrainField) -> tuple[str, ...]:
    return tuple(field.words.decode().split("|")) if field.words else ()


def _train_type(field: _TrainField) -> Any:
    return {"real": c_double, "text": c_char_p}.get(_ENUMS["atl_train_kind"][field.kind], c_int)


def _train_slot(field: _TrainField, base: int) -> Any:
    """The member of atl_train_options that a row of the table speaks of."""
    return _train_type(field).from_address(base + field.offset)


def _train_value(field: _TrainField, base: int) -> Any:
    value, kind = _train_slot(field, base).value, _ENUMS["atl_train_kind"][field.kind]
    if kind == "text":
        return None if value is None else os.fsdecode(value)
    return _words_of(field)[value] if kind == "choice" else bool(value) if kind == "flag" else value


def _train_options(given: dict[str, Any]) -> tuple[Any, Any]:
    """The struct with what was given by name, and what it borrows."""
    fields = {f.name.decode().replace("-", "_"): f for f in _train_fields()}
    end = max(f.offset + ctypes.sizeof(_train_type(f)) for f in fields.values())
    size = (end + 7) // 8 * 8
    raw, kept = (c_uint64 * (size // 8))(), []
    _lib.atl_train_options_init(raw, size)
    for name, value in given.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, 1)
            raise ValueError(f"training has no option {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        field, kind = fields[name], _ENUMS["atl_train_kind"][fields[name].kind]
        words = _words_of(field)
        if words and value not in words:
            raise ValueError(f"{name} {value!r}: expected one of {', '.join(words)}")
        if kind == "text":
            value = _text(value)
            kept.append(value)
        elif kind == "choice":
            value = words.index(value)
        elif not isinstance(value, (int, float) if kind == "real" else int) or kind != "real" and abs(value) >= 2**31:
            raise ValueError(f"{name} {value!r}: expected a {'number' if kind == 'real' else 'whole number'}")
        _train_slot(field, ctypes.addressof(raw)).value = value
    return raw, kept


# ---- videos

class Walk(_Child):
    """A closed path through keyframes: walk(position) with the position counted in keyframes.

        walk = atelier.Walk(ws)                  # ws [5, num_ws, w_dim]
        frames = walk(np.arange(5 * 120) / 120)  # [600, num_ws, w_dim]

    ease    "cubic" (the official video script's), "linear" or "smooth" (rests at each keyframe)
    sphere  keyframes are directions, such as z: the path stays at the typical length of normal numbers
    wraps   cubic: how often the loop is laid out on either side before the spline is fitted; 0: 2"""

    _noun = "walk"

    def __init__(self, keyframes: Any, ease: str = "cubic", sphere: bool = False, wraps: int = 0,
                 context: Context | None = None) -> None:
        keyframes = np.asarray(keyframes)
        if keyframes.ndim < 2:
            raise ValueError(f"keyframes has shape {list(keyframes.shape)}; expected [keys, ...]")
        self.shape = keyframes.shape[1:]
        flat = _numbers(keyframes.reshape(len(keyframes), -1), (None, None), "keyframes")
        options = _PathOptions(ease=_word("atl_path_ease", ease, "ease"), sphere=sphere, wraps=wraps)
        self._adopt(_context(context), _lib.atl_path_close, _lib.atl_path_open, len(flat), flat.shape[1],
                    flat.ctypes.data, byref(options))

    def __call__(self, position: Any) -> np.ndarray:
        """The point at a position, or the points [n, ...] at an array of them."""
        positions = np.atleast_1d(np.asarray(position, np.float64))
        out = np.empty((len(positions), *self.shape), np.float32)
        with self._context._lock:
            for row, at in zip(out, positions):
                _lib.atl_path_at(self._h, float(at), row.ctypes.data)
        return out if np.ndim(position) else out[0]


class Video(_Child):
    """A video file, one frame at a time; the name's ending is the format: mp4, webm, gif, apng, webp, y4m.

        with atelier.Video("walk.mp4", 256, 256) as video:
            for frame in frames:
                video.write(frame)

    Leaving the block completes the file; leaving it by an exception leaves no file.

    fps      frames per second; 0: 60, for gif 50
    codec    mp4: "h264", "h265", "av1", "mpeg4"; webm: "vp9", "av1"
    quality  1 to 100; 0: 80;  bitrate: bits per second in its place"""

    _noun = "video"

    def __init__(self, path: str | os.PathLike[str], width: int, height: int, fps: int = 0, *,
                 format: str | None = None, codec: str | None = None, quality: int = 0, bitrate: int = 0,
                 threads: int = 0, alpha: bool = False, context: Context | None = None) -> None:
        options = _VideoOptions(width=width, height=height, fps=fps, format=_text(format), codec=_text(codec),
                                quality=quality, bitrate=bitrate, threads=threads, alpha=alpha)
        self._adopt(_context(context), _lib.atl_video_abort, _lib.atl_video_open, _text(path), byref(options))

    def write(self, frame: Any) -> None:
        """Adds a frame, uint8 [h, w] or [h, w, c], copied; alpha that is not kept is laid over white."""
        struct, kept = _image_of(frame, "frame")
        self._call(_lib.atl_video_write, byref(struct))

    def finish(self) -> None:
        """Completes the file.  close() without it gives up and leaves none."""
        self._h
        self._context._call(_lib.atl_video_finish, byref(self._handle))

    def __exit__(self, *failure: Any) -> None:
        if failure[0] is None and not self.closed:
            self.finish()
        self.close()


class VideoReader(_Child):
    """The frames of a video file that FFmpeg reads, uint8 [h, w, 3], turned as the file says.

        with atelier.VideoReader("walk.mp4") as video:
            for frame in video:
                ..."""

    _noun = "video"

    def __init__(self, path: str | os.PathLike[str], *, context: Context | None = None) -> None:
        self._adopt(_context(context), _lib.atl_video_reader_close, _lib.atl_video_reader_open, _text(path))

    def _info(self) -> _VideoInfo:
        with self._context._lock:
            return _lib.atl_video_reader_get_info(self._h).contents

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of every frame."""
        return self._info().width, self._info().height

    @property
    def fps(self) -> float:
        """Frames per second; 0: the file does not say."""
        return self._info().fps

    def __iter__(self) -> Iterator[np.ndarray]:
        while True:
            image = _Image()
            self._call(_lib.atl_video_reader_next, byref(image))
            if not image.pixels:
                return
            yield _take_pixels(self._context, image)


def video_formats() -> str:
    """What this build can write: "mp4 (libx264, mpeg4), gif, y4m, png"."""
    text = (c_char * 400)()
    _lib.atl_video_formats(text, ctypes.sizeof(text))
    return text.value.decode()
