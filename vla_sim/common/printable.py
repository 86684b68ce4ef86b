"""Text of others made fit for a terminal, a log or one line of a message."""


def printable(text: str) -> str:
    """Without what a terminal takes for more than text (control characters, changes of direction): blanks in
    their place, lines kept."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def one_line(text: str) -> str:
    """As `printable`, in a line."""
    return printable(text).replace("\n", " ")
