// SPDX-License-Identifier: Apache-2.0
// The table of recipes.
#include "train/recipe.h"

#include <string.h>

static const atl_recipe *const RECIPES[] = {
    &atl_recipe_stylegan2, &atl_recipe_stylegan3,  &atl_recipe_stylegan1,   &atl_recipe_progan,
    &atl_recipe_sagan,     &atl_recipe_biggan,     &atl_recipe_biggan_deep, &atl_recipe_vqgan,
    &atl_recipe_vit_vqgan, &atl_recipe_vqvae,      &atl_recipe_vqvae2,      &atl_recipe_transformer,
    &atl_recipe_pixelcnn,  &atl_recipe_encoder,    &atl_recipe_hyperstyle,  &atl_recipe_vit_transformer
};

const atl_recipe *atl_recipe_find(const char *family) {
    for (size_t i = 0; i < sizeof RECIPES / sizeof *RECIPES; i++)
        if (!strcmp(RECIPES[i]->family, family))
            return RECIPES[i];
    return NULL;
}
