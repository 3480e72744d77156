# SPDX-License-Identifier: Apache-2.0
# Completion in bash: the script is read and asked as the shell asks; zsh's is read, where there is a zsh.
"$ATELIER" completion bash >script || exit 1
mkdir folder
touch file.pkl file.png

cat >ask <<'END'
source ./script
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_atelier
echo "$*:" $(printf '%s\n' "${COMPREPLY[@]}" | sort)
END
asks() { # WORD...: what the last word may become
    bash ask "$@"
}
asks atelier ge
asks atelier --v
asks atelier generate --noi
asks atelier generate --noise-mode ''
asks atelier generate --noise-mode r
asks atelier generate --noise-mode = s
asks atelier generate --format =
asks atelier generate --network f
asks atelier generate --network = file.pk
asks atelier generate --outdir ''
asks atelier generate --seeds ''
asks atelier generate --seeds 1 --dir
asks atelier generate --quiet ''
asks atelier inspect f
asks atelier inspect --t
asks atelier train --aug d
asks atelier dataset --dest fi
asks atelier dataset check --l
asks atelier dataset check --labels f
asks atelier dataset check fo
asks atelier spectra ''
asks atelier spectra s
asks atelier spectra calc --i
asks atelier spectra slices fi
asks atelier nothing --x

# every option of every --help, and no other
for command in $(bash -c 'source ./script; _atelier_commands') 'dataset check' 'spectra stats' \
    'spectra calc' 'spectra heatmap' 'spectra slices'; do
    diff <("$ATELIER" $command --help | grep -oE '^  --[a-z0-9-]+' | tr -d ' ' | grep -vx -- --help | sort) \
        <(bash -c 'source ./script; _atelier_options "$1"' - "$command" | grep -oE '^--[a-z0-9-]+' | sort) &&
        echo "$command: complete"
done
"$ATELIER" completion zsh >_atelier || exit 1
if command -v zsh >/dev/null; then zsh -n _atelier; fi
head -1 _atelier
grep -c _arguments _atelier
t completion
t completion fish
