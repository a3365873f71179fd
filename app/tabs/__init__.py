"""The tabs, a package a system; `app.systems` names them, and they are loaded when first shown."""
