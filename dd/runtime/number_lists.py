"""Lists of numbers in options, such as `1,2,5`."""

from dd.runtime.errors import UserError


def number_list(option: str, text: str) -> list[int]:
    """`1,2,5` as numbers.

    Raises:
        UserError: `text` is not a list of whole numbers from 1; the message names `option`.
    """
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError as error:
        raise UserError(f"{option}: {text!r} is not a list of numbers such as 1,2,5") from error
    if min(numbers) < 1:
        raise UserError(f"{option}: {text} must be numbers from 1")
    return numbers
