// SPDX-License-Identifier: Apache-2.0
// Move: pictures of StyleGAN3 are dragged and turned; what is seen is what --translate and --rotate make.
import {assert, drag, go, hash, otherPixels, path, pixels, run, sameAsCommand, samePixels, settled, structure,
  test} from './studio.mjs';

const fresh = 'sg3.safetensors';
const prepare = folder => {
  run(`atelier init --cfg stylegan3-t --resolution 32 --cbase 1024 --cmax 32 --seed 3 --quiet ${fresh}`, folder);
  return [path.join(folder, fresh)];
};

await test('move', {prepare}, async ({page, studio}) => {
  await go(page, studio, 'move');
  assert.match(await page.textContent('.empty-state'), /stylegan2/); // the first network can't be moved: it says so
  assert.equal(await page.locator('.side input').count(), 0);

  await go(page, studio, `move?network=${fresh}&x=3&format=png`);
  await settled(page);
  const still = await pixels(page), width = (await page.locator('.picture').boundingBox()).width;
  await drag(page, '.picture', width / 4, 0);
  await settled(page);
  await page.waitForTimeout(300);
  assert.match(await hash(page), /tx=0\.2[45]/);
  assert.match(await sameAsCommand(page), /--translate 0\.2[45]\d*,0/);
  otherPixels(await pixels(page), still);
  await drag(page, '.picture', 60, 0, {key: 'Shift'});
  assert.match(await sameAsCommand(page), /--rotate 30/);

  await page.getByRole('button', {name: '↺ Reset'}).click();
  await settled(page);
  samePixels(await pixels(page), still, 'Reset leads back');
  await page.locator('.picture').focus();
  await page.keyboard.press('Space'); // it turns
  await page.waitForFunction(() => +document.querySelector('.picture').dataset.frames > 12);
  await page.keyboard.press('Space');
  await settled(page);
  otherPixels(await pixels(page), still);
  assert.deepEqual(await structure(page), []);
});
