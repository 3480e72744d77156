// SPDX-License-Identifier: Apache-2.0
// Which emoji are portraits, and where the head is in each: the table that portraits.c goes through.
//
// Chosen by eye among all of "People & Body": head and shoulders from the front, with eyes and mouth to be seen.
// The font draws most of them over one template, whose eyes are at (67.5, 58.3), 33 pixels apart.  Others have the
// same head elsewhere, to leave room for a tool, or a little smaller; their frame brings the eyes to the same place.
//
// Left out: heads without shoulders (baby, child, man, woman, older, beard, crown, angel), which are drawn a third
// larger; heads tilted or lowered (frowning, bowing); covered faces (gesturing NO, facepalming, technologist, guard);
// closed eyes (massage, steamy room); figures (superhero, fairy, everyone who walks); and who has no colour of skin
// (zombie, genie).
#ifndef PORTRAITS_CHOICE_H
#define PORTRAITS_CHOICE_H

#include <stddef.h>

// A square of the glyph's 136x128 pixels.  What lies outside the glyph is transparent.
typedef struct frame {
    int left, top, side;
} frame;

// The left edge is the middle between the eyes less 63.5, rounded.
#define CENTRE { 4, 0, 128 }
#define SHIFTED(left) { (left), 0, 128 }

typedef struct portrait {
    const char *role;     // in labels.csv
    frame frame;
    const char *names[3]; // in emoji-test.txt, without the skin tone: person, man, woman; NULL: there is none
} portrait;

static const portrait PORTRAITS[] = {
    // hair
    { "blond hair", CENTRE, { "person: blond hair", "man: blond hair", "woman: blond hair" } },
    { "red hair", CENTRE, { "person: red hair", "man: red hair", "woman: red hair" } },
    { "curly hair", CENTRE, { "person: curly hair", "man: curly hair", "woman: curly hair" } },
    { "white hair", CENTRE, { "person: white hair", "man: white hair", "woman: white hair" } },
    { "bald", CENTRE, { "person: bald", "man: bald", "woman: bald" } },
    // gestures; heads at 28.1 / 33 and 29.7 / 33 of the size
    { "pouting", { 13, 0, 109 }, { "person pouting", "man pouting", "woman pouting" } },
    { "shrugging", { 8, 2, 115 }, { "person shrugging", "man shrugging", "woman shrugging" } },
    { "tipping hand", SHIFTED(-12), { "person tipping hand", "man tipping hand", "woman tipping hand" } },
    { "raising hand", CENTRE, { "person raising hand", "man raising hand", "woman raising hand" } },
    { "haircut", SHIFTED(-13), { "person getting haircut", "man getting haircut", "woman getting haircut" } },
    // work
    { "health worker", CENTRE, { "health worker", "man health worker", "woman health worker" } },
    { "student", CENTRE, { "student", "man student", "woman student" } },
    { "teacher", CENTRE, { "teacher", "man teacher", "woman teacher" } },
    { "judge", SHIFTED(-10), { "judge", "man judge", "woman judge" } },
    { "farmer", SHIFTED(-9), { "farmer", "man farmer", "woman farmer" } },
    { "cook", SHIFTED(-6), { "cook", "man cook", "woman cook" } },
    { "mechanic", SHIFTED(-10), { "mechanic", "man mechanic", "woman mechanic" } },
    { "factory worker", SHIFTED(-10), { "factory worker", "man factory worker", "woman factory worker" } },
    { "office worker", CENTRE, { "office worker", "man office worker", "woman office worker" } },
    { "scientist", SHIFTED(-7), { "scientist", "man scientist", "woman scientist" } },
    { "singer", CENTRE, { "singer", "man singer", "woman singer" } },
    { "artist", SHIFTED(-4), { "artist", "man artist", "woman artist" } },
    { "pilot", CENTRE, { "pilot", "man pilot", "woman pilot" } },
    { "astronaut", CENTRE, { "astronaut", "man astronaut", "woman astronaut" } },
    { "firefighter", CENTRE, { "firefighter", "man firefighter", "woman firefighter" } },
    { "police officer", CENTRE, { "police officer", "man police officer", "woman police officer" } },
    { "detective", SHIFTED(-10), { "detective", "man detective", "woman detective" } },
    { "ninja", SHIFTED(7), { "ninja", NULL, NULL } },
    { "construction worker", CENTRE, { "construction worker", "man construction worker",
                                       "woman construction worker" } },
    // dress
    { "turban", CENTRE, { "person wearing turban", "man wearing turban", "woman wearing turban" } },
    { "skullcap", CENTRE, { "person with skullcap", NULL, NULL } },
    { "headscarf", CENTRE, { NULL, NULL, "woman with headscarf" } },
    { "tuxedo", CENTRE, { "person in tuxedo", "man in tuxedo", "woman in tuxedo" } },
    { "veil", CENTRE, { "person with veil", "man with veil", "woman with veil" } },
    // tales
    { "claus", CENTRE, { "mx claus", "Santa Claus", "Mrs. Claus" } },
    { "mage", SHIFTED(-4), { "mage", "man mage", "woman mage" } },
    { "vampire", CENTRE, { "vampire", "man vampire", "woman vampire" } },
    { "elf", CENTRE, { "elf", "man elf", "woman elf" } },
};

enum { PORTRAIT_COUNT = sizeof PORTRAITS / sizeof PORTRAITS[0] };

#endif
