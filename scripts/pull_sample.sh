#!/bin/sh
# The sample is fetched only where params.yaml reads it and it is not there: whoever works on data of their
# own never waits for it, and whoever has put their own footage into data/ never has it overwritten.
set -eu
marker=.humotion/pulling-sample  # left behind by a pull that was cut off
grep -Eq '^ +root: data/(hmdb51|penn_action)( |$)' params.yaml || exit 0
if [ ! -e data ] || [ -e "$marker" ]; then
    mkdir -p .humotion
    touch "$marker"
    dvc pull -r sample data.dvc
    rm "$marker"
fi
