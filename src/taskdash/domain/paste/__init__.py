"""How IDs are found in a text; `domain.task_ids` is the way in.

text        makes any text plain, keeping its line numbers
regions     what is never searched: requests and results inside an answer, lists of links
places      where labelled values stand; labels and lists read them, tables reads columns
bare        IDs without a label; context says what denies them
sightings   first sights, duplicates, and what was ignored
"""
