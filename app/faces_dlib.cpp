// SPDX-License-Identifier: Apache-2.0
// Faces and their 68 landmarks by dlib (King 2009; Kazemi and Sullivan 2014): the only file that knows it,
// and the only one in C++.  Exceptions end here.
#include "app/faces_dlib.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <vector>

#include <dlib/image_processing.h>
#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms.h>

namespace {

using picture = dlib::array2d<dlib::rgb_pixel>;

// The detector sees faces from 80 pixels on.  Small photos are doubled for it, as scripts that align faces
// do; large ones are halved, since a face of interest is a large part of them and its memory grows with the
// area.
constexpr long DOUBLED = 1200, HALVED = 2400;

struct finder {
    dlib::frontal_face_detector detector = dlib::get_frontal_face_detector();
    dlib::shape_predictor predictor;
};

void say(char *sentence, const char *what) {
    std::snprintf(sentence, APP_DLIB_SENTENCE, "dlib: %s", what);
}

void *open_finder(const char *model, char *sentence) {
    try {
        auto made = std::make_unique<finder>();
        dlib::deserialize(model) >> made->predictor;
        if (made->predictor.num_parts() * 2 == APP_DLIB_NUMBERS)
            return made.release();
        say(sentence, "the model has another number of landmarks than 68");
    } catch (const std::exception &error) {
        say(sentence, error.what());
    } catch (...) {
        say(sentence, "unknown failure");
    }
    return nullptr;
}

void copy(const uint8_t *rgb, int width, int height, picture &out) {
    out.set_size(height, width);
    for (long y = 0; y < height; y++)
        for (long x = 0; x < width; x++, rgb += 3)
            out[y][x] = dlib::rgb_pixel(rgb[0], rgb[1], rgb[2]);
}

// Rectangles in the pixels of the photo.
std::vector<dlib::rectangle> detect(finder &f, const picture &photo) {
    picture other;
    double scale = 1;
    const picture *seen = &photo;
    long side = std::max(photo.nr(), photo.nc());
    if (side < DOUBLED) {
        scale = 2;
    } else {
        for (; side * scale > HALVED; scale /= 2)
            ;
    }
    if (scale != 1) {
        other.set_size(std::max(1L, long(photo.nr() * scale)), std::max(1L, long(photo.nc() * scale)));
        dlib::resize_image(photo, other);
        seen = &other;
    }
    std::vector<dlib::rectangle> found = f.detector(*seen);
    for (auto &r : found)
        r = dlib::rectangle(long(r.left() / scale), long(r.top() / scale), long(r.right() / scale),
                            long(r.bottom() / scale));
    std::sort(found.begin(), found.end(), [](const dlib::rectangle &a, const dlib::rectangle &b) {
        return a.area() != b.area() ? a.area() > b.area() : a.left() < b.left();
    });
    return found;
}

int find(void *self, const uint8_t *rgb, int width, int height, app_dlib_face *faces, int most,
         char *sentence) {
    try {
        finder &f = *static_cast<finder *>(self);
        picture photo;
        copy(rgb, width, height, photo);
        int count = 0;
        for (const dlib::rectangle &r : detect(f, photo)) {
            if (count == most)
                break;
            const dlib::full_object_detection shape = f.predictor(photo, r);
            app_dlib_face &face = faces[count++];
            for (unsigned long i = 0; i < APP_DLIB_NUMBERS / 2; i++) {
                face.landmarks[2 * i] = double(shape.part(i).x());
                face.landmarks[2 * i + 1] = double(shape.part(i).y());
            }
        }
        return count;
    } catch (const std::exception &error) {
        say(sentence, error.what());
    } catch (...) {
        say(sentence, "unknown failure");
    }
    return -1;
}

void close_finder(void *self) {
    delete static_cast<finder *>(self);
}

} // namespace

const app_dlib app_dlib_functions = { open_finder, find, close_finder };
