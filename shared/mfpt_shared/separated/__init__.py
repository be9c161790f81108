"""Tables of text: fields between commas, semicolons, tabs or bars, as spreadsheets, people and programs write them."""
