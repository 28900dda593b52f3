"""Pull: read the sources and anchors into the store, and load what earlier runs recorded.

================  =====================================================================================
source            a project or repository that a mapping names, narrowed by a query if it gives one
pull              reading a source, in full or since its watermark
census            listing the ids of all issues of a source, to detect missing ones
missing issue     an issue that a full reading lacks; a direct read finds the reason
vanished          deleted or hidden, according to a direct read
unlisted          missing from the list, but found by a direct read
orphan            an issue outside of all sources that still carries our labels
history           the changes of an issue, as its tracker recorded them
source coverage   the capabilities that a source covered when it was last read completely
recorded state    what earlier runs pushed, found and decided
comment marker    hidden fields of a status comment: instance and subject
comment drift     what people did to a status comment since we wrote it
================  =====================================================================================
"""
