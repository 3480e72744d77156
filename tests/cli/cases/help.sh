# SPDX-License-Identifier: Apache-2.0
# Every option with its default, as --help prints it.
for command in generate mix video replay inspect convert blend dataset init detectors metrics bench project tune \
    spectra 'spectra stats' 'spectra calc' 'spectra heatmap' 'spectra slices'; do
    t $command --help
done
