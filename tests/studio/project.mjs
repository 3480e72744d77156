// SPDX-License-Identifier: Apache-2.0
// Project: a photo goes in, the network finds it, and what it finds is a pin that all panels take.
import {assert, go, hash, path, pixels, run, says, settled, slide, structure, test} from './studio.mjs';

const prepare = folder => {
  run('atelier generate --seeds 12 --outdir photos --quiet', folder);
  return [];
};

await test('project', {prepare}, async ({page, studio, folder}) => {
  await go(page, studio, 'project');
  await page.locator('#photo-file').setInputFiles(path.join(folder, 'photos/seed0012.png'));
  await page.locator('.drop.filled').waitFor();
  await page.locator('[data-value=false]').first().click(); // no face to cut out
  await page.locator('[data-value=mse]').click();
  await slide(page, 'steps', 40);
  await page.getByRole('button', {name: 'Find'}).first().click();
  await page.waitForFunction(() => document.querySelector('.task').dataset.phase === 'done');
  await says(page, /^atelier project .*--space w\+ --steps 40 --loss mse/);
  await page.waitForFunction(() => location.hash.includes('pin=photo-'));
  await page.locator('#tray .thumb[title^=photo-]').waitFor();

  // the picture is near to the photo: a level apart in sixteen; a search that found nothing is three times as far
  const photo = await pixels(page, 'figure:nth-of-type(1) canvas');
  const found = await pixels(page, 'figure:nth-of-type(2) canvas');
  const apart = photo.reduce((sum, v, i) => sum + Math.abs(v - found[i]), 0) / photo.length;
  assert(apart < 16, `${apart} levels apart`);
  assert.deepEqual(await structure(page), []);

  await page.locator('#panels a[href="#explore"]').click(); // the pin is there, too
  await settled(page);
  assert.match(await hash(page), /pin=photo-/);
  assert.match(await page.textContent('.picture .badge'), /^photo-/);
});
