// SPDX-License-Identifier: Apache-2.0
// Compare: the same seed in two networks and between them; the slider moves the one in the middle.
import {assert, go, line, otherPixels, path, pixels, run, sameAsCommand, samePixels, settled, slide, structure,
  test} from './studio.mjs';

const prepare = folder => {
  run('atelier init --cfg stylegan2 --resolution 64 --cbase 2048 --cmax 64 --map-depth 2 --seed 1 --quiet ' +
    'other.safetensors', folder);
  return [path.join(folder, 'other.safetensors')];
};
const canvas = i => `figure:nth-of-type(${i}) canvas`;

await test('compare', {prepare}, async ({page, studio}) => {
  await go(page, studio, 'compare?x=3&format=png&alpha=0.25');
  await settled(page);
  assert.deepEqual(await page.locator('figcaption').allTextContents(),
    ['portraits-64.safetensors', '75 : 25', 'other.safetensors']);
  assert.match(await line(page), /atelier blend .*--alpha 0\.25/);
  await sameAsCommand(page, {selector: canvas(2)});
  const [a, b] = [await pixels(page, canvas(1)), await pixels(page, canvas(3))];
  await slide(page, 'alpha', 0);
  await settled(page);
  samePixels(await pixels(page, canvas(2)), a, 'none of the other network');
  await slide(page, 'alpha', 1);
  await settled(page);
  otherPixels(await pixels(page, canvas(2)), a);
  otherPixels(a, b);
  await page.locator('input[data-name=alpha]').focus();
  await page.keyboard.press('ArrowLeft'); // the slider's own, not the next seed
  await settled(page);
  samePixels(await pixels(page, canvas(1)), a);
  // a fresh network draws little
  assert.deepEqual((await structure(page)).filter(fault => !/is blank/.test(fault)), []);
});
