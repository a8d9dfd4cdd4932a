#!/bin/sh
# The sample is fetched only where params.yaml reads it and it is not there: whoever works on data of their
# own never waits for it, and whoever has put their own footage into data/ never has it overwritten.
set -eu
if grep -Eq '^ +root: data/(hmdb51|penn_action)( |$)' params.yaml && [ ! -e data ]; then
    dvc pull -r sample data.dvc
fi
