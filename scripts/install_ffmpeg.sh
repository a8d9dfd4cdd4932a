#!/bin/sh
# The shared libraries of FFmpeg decode the videos (torchcodec loads them). This script installs them with apt if it
# needs no password. Otherwise it prints how to install them.
set -eu
if command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ]; then
        sudo=""
    elif sudo -n true 2>/dev/null; then
        sudo="sudo"
    else
        echo "FFmpeg is missing. Install it and run make again:  sudo apt-get install ffmpeg" >&2
        exit 1
    fi
    echo "FFmpeg is missing. Installing it with apt-get."
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends ffmpeg >/dev/null
else
    echo "FFmpeg 4 to 8 is missing. Install it with your package manager (conda install ffmpeg, brew install" >&2
    echo "ffmpeg, dnf install ffmpeg) and run make again." >&2
    exit 1
fi
