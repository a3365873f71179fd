#!/bin/sh
# Puts Polyphony into the menu of this person's desktop, and the commands into ~/.local/bin. `install.sh --remove` takes them away.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=${XDG_DATA_HOME:-$HOME/.local/share}
id=io.github.polyphony.Polyphony
if [ "${1:-}" = --remove ]; then
  rm -f "$data/applications/$id.desktop" "$data/icons/hicolor/scalable/apps/polyphony.svg" \
    "$data/metainfo/$id.metainfo.xml" "$HOME/.local/bin/polyphony" "$HOME/.local/bin/polyphony-models"
  exit 0
fi
mkdir -p "$data/applications" "$data/icons/hicolor/scalable/apps" "$data/metainfo" "$HOME/.local/bin"
sed "s|^Exec=.*|Exec=\"$here/polyphony\" %F|" "$here/$id.desktop" > "$data/applications/$id.desktop"
cp "$here/polyphony.svg" "$data/icons/hicolor/scalable/apps/polyphony.svg"
cp "$here/$id.metainfo.xml" "$data/metainfo/$id.metainfo.xml"
ln -sf "$here/polyphony" "$HOME/.local/bin/polyphony"
printf '#!/bin/sh\nexec "%s" -m models "$@"\n' "$here/polyphony" > "$HOME/.local/bin/polyphony-models"
chmod +x "$HOME/.local/bin/polyphony-models"
echo "Polyphony is in the menu; polyphony and polyphony-models are in $HOME/.local/bin."
