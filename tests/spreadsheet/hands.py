"""What a person's hands do in LibreOffice: open a file, type, rearrange, save, look.

Runs under a Python that has LibreOffice's own module `uno`, which is seldom the one of the tests. One sitting comes as
JSON on standard input, what was seen goes out as JSON on standard output. Not here: LibreOffice's start and end, and
the words of a sitting in Python (`libreoffice.py`).
"""

import json
import os
import sys
import time

import uno

FORMULA = 16
"""com.sun.star.sheet.CellFlags.FORMULA"""


def connect(pipe, patience_s):
    """Reach the LibreOffice behind a pipe, which may still be starting."""
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    not_yet = uno.getClass("com.sun.star.connection.NoConnectException")
    give_up_at = time.monotonic() + patience_s
    while True:
        try:
            context = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        except not_yet:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.05)


def properties(**named):
    """Make the property values that nearly every call wants."""
    made = []
    for name, value in named.items():
        pair = uno.createUnoStruct("com.sun.star.beans.PropertyValue")
        pair.Name, pair.Value = name, value
        made.append(pair)
    return tuple(made)


def used(sheet):
    """Tell how many columns and rows hold something."""
    cursor = sheet.createCursor()
    cursor.gotoEndOfUsedArea(False)
    end = cursor.RangeAddress
    return end.EndColumn + 1, end.EndRow + 1


def column_of(sheet, header):
    """Find a column by its header."""
    width, _ = used(sheet)
    return sheet.getCellRangeByPosition(0, 0, width - 1, 0).DataArray[0].index(header)


def type_text(sheet, row, header, text):
    """Type into a cell as on a keyboard: numbers, dates and formulas are recognised in the document's language."""
    sheet.getCellByPosition(column_of(sheet, header), row - 1).FormulaLocal = text


def paste_text(sheet, row, header, text):
    """Put a text into a cell that nothing is recognised in."""
    sheet.getCellByPosition(column_of(sheet, header), row - 1).String = text


def unprotect(sheet):
    """Take the sheet's protection off, which has no password."""
    sheet.unprotect("")


def insert_column(sheet, before, header):
    """Put a column of one's own before another."""
    at = column_of(sheet, before)
    sheet.Columns.insertByIndex(at, 1)
    sheet.getCellByPosition(at, 0).String = header


def hide_column(sheet, header):
    """Make a column invisible."""
    sheet.Columns.getByIndex(column_of(sheet, header)).IsVisible = False


def delete_row(sheet, row):
    """Take a row out."""
    sheet.Rows.removeByIndex(row - 1, 1)


def insert_row(sheet, row):
    """Put a blank row in."""
    sheet.Rows.insertByIndex(row - 1, 1)


def sort(sheet, header, descending):
    """Sort everything under the headers by one column."""
    width, height = used(sheet)
    field = uno.createUnoStruct("com.sun.star.table.TableSortField")
    field.Field, field.IsAscending = column_of(sheet, header), not descending
    fields = uno.Any("[]com.sun.star.table.TableSortField", (field,))
    table = sheet.getCellRangeByPosition(0, 0, width - 1, height - 1)
    table.sort(properties(ContainsHeader=True, IsSortColumns=False, SortFields=fields))


STEPS = {
    step.__name__: step
    for step in (type_text, paste_text, unprotect, insert_column, hide_column, delete_row, insert_row, sort)
}


def look_at(sheet):
    """Tell what a sheet holds, and what guards it."""
    width, height = used(sheet)
    return {
        "name": sheet.Name,
        "protected": sheet.isProtected(),
        "formulas": sheet.queryContentCells(FORMULA).RangeAddressesAsString,
        "cells": sheet.getCellRangeByPosition(0, 0, width - 1, height - 1).DataArray,
        "guards": [look_at_cell(sheet.getCellByPosition(column, 1)) for column in range(width)],
    }


def look_at_cell(cell):
    """Tell whether a cell is locked, and which list its content is chosen from."""
    chosen = cell.Validation
    return {
        "locked": cell.CellProtection.IsLocked,
        "rule": chosen.Type.value,
        "choices": chosen.getFormula1(),
        "refusal": chosen.ErrorMessage if chosen.ShowErrorMessage else "",
    }


def sit(desktop, work):
    """Open a file, look, do the steps, look again, save as often as is asked, close."""
    reading = properties(Hidden=True, FilterName=work["filter"], FilterOptions=work["options"])
    document = desktop.loadComponentFromURL(work["opened"], "_blank", 0, reading)
    if document is None:
        raise RuntimeError("LibreOffice does not open " + work["opened"])
    try:
        sheets = [document.Sheets.getByIndex(index) for index in range(document.Sheets.Count)]
        opened = [look_at(sheet) for sheet in sheets]
        for step in work["steps"]:
            STEPS[step["step"]](sheets[step["sheet"]], **step["words"])
        for saved in work["saved"]:
            document.storeToURL(
                saved["url"], properties(FilterName=saved["filter"], FilterOptions=saved["options"], Overwrite=True)
            )
        return {"opened": opened, "left": [look_at(sheet) for sheet in sheets]}
    finally:
        document.close(True)


def leave(desktop):
    """Ask LibreOffice to end; the connection may break before it answers."""
    try:
        desktop.terminate()
    except uno.getClass("com.sun.star.lang.DisposedException"):
        pass
    return {}


def main():
    """Do one sitting."""
    work = json.load(sys.stdin)
    desktop = connect(work["pipe"], work["patience_s"])
    json.dump(sit(desktop, work) if "opened" in work else leave(desktop), sys.stdout)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
    # Python taking itself apart while `uno` still holds a connection crashes now and then, after the answer was given.
    os._exit(0)
