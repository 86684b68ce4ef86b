"""The fixed phrases of the commands: verbs, directions, fillers. The longest that fits counts."""

from collections.abc import Sequence

from vla_sim.contract.vocabulary import STOP_WORDS


class Phrases:
    """A set of phrases; "a b|c" stands for "a b" and "c". An empty one fits anywhere."""

    def __init__(self, *texts: str) -> None:
        all_of_them = {tuple(one.split()) for text in texts for one in text.split("|")}
        self.words = frozenset(word for one in all_of_them for word in one)
        self._empty = () in all_of_them
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for one in sorted(all_of_them, key=len, reverse=True):
            if one:
                self._by_first.setdefault(one[0], []).append(one)

    def end(self, text: Sequence[str], i: int) -> int | None:
        """The index after the longest of the phrases at `text[i]`; None if there is none."""
        for one in self._by_first.get(text[i], ()) if i < len(text) else ():
            if len(one) == 1 or tuple(text[i : i + len(one)]) == one:
                return i + len(one)
        return i if self._empty else None


FILLERS = Phrases(
    "please|pls|plz|kindly|robot|hey|hi|hello|ok|okay|so|well|um|uh|er|erm|ah|oh|just|also|now",
    "could you|can you|would you|will you|can you please|you should|you must|you can|i want you to",
    "i would like you to|i'd like you to|i need you to|i want|i'd like|i would like|i need|for me|thanks",
    "thank you|the|a|an|my|your|immediately|quickly|fast|at once|right now|right away|as fast as you can",
    "hurry|hurry up|urgently|quick|asap|first|next|finally|afterwards|do|let us|let's",
)
URGENT = Phrases(
    "now|immediately|quickly|fast|at once|right now|right away|hurry|hurry up|urgently|quick|asap"
)
LINKS = Phrases("and then|and after that|after that|and afterwards|then|and|and also|to|in order to|,|;|.")
"""What may stand between two commands; "to" as in "go to the kitchen to find the cup"."""

STOP = Phrases(
    "emergency stop|stop|halt|freeze|cancel|abort|stand still|hold still|hold on|whoa|quit|enough|e stop",
    "don't move|do not move|stay|stay there|stay here|stay where you are|never mind|nevermind|wait|pause",
    "stop it|stop that|stop moving|stop walking|stop turning|stop right there|stop everything|stop there",
    "cancel that|cancel it|cancel everything|cancel command|cancel task|cancel plan|abort mission|abort that",
    "stop robot|stop the robot|stop here|that's enough|that is enough|stop what you are doing",
)
SURE_STOP = STOP_WORDS | {"emergency"}
"""Words that mean stop also when what follows is not understood; "wait" is not one of them."""
NEGATIONS = frozenset({"not", "don't", "dont", "never", "without", "cannot", "can't", "neither", "nor"})

GO = Phrases(
    "go|walk|navigate|drive|move|travel|head|run|proceed|come|return|march|go over|walk over|go on",
    "move over|come over|go straight|bring yourself|take yourself|step|get",
)
TO = Phrases("to|into|towards|toward|inside|in|up to|over to|back to|back into|near|next to|on to|onto|at")
ENTER = Phrases("enter|visit|approach|go in|reach")
COME = Phrases("go|come|return|walk|head|run|come over")
HERE = Phrases("here|back here|to me|back to me|back|over here|to where i am|to the user|to us")
THERE = Phrases("there|over there|to there|back there")
STEP = Phrases("move|go|walk|step|drive|run|back up|back away|advance|travel|take a step|shift|reverse|")
FORWARD = Phrases("forward|forwards|ahead|straight|straight ahead|straight forward|straight on|onward|on")
BACKWARD = Phrases("back|backward|backwards|to the back")
BACK_UP = Phrases("back up|back away|reverse")
LEFT = Phrases("left|leftward|leftwards|to the left|to your left|to left|sideways left|sideways to the left")
RIGHT = Phrases(
    "right|rightward|rightwards|to the right|to your right|to right|sideways right|sideways to the right"
)
TURN = Phrases("turn|rotate|spin|pivot|swivel|make|do|turn yourself|face")
CLOCKWISE = Phrases("clockwise")
COUNTERCLOCKWISE = Phrases("counterclockwise|counter clockwise|anticlockwise|anti clockwise")
AROUND = Phrases("around|round|back|about")

PICK = Phrases(
    "pick up|pick|take|grab|grasp|get|lift|lift up|grip|seize|catch|collect|hold|raise|take hold of",
    "get hold of|grab hold of|go get|go and get|go grab|go and grab|go and take|go and pick up|gather",
)
BRING = Phrases(
    "bring|deliver|carry|hand|give|pass|fetch|get|take|hand over|go get|go fetch|go and get|return|transport",
    "go and fetch|go and bring|go bring",
)
BRING_USER = Phrases(
    "bring|deliver|give|hand|pass|fetch|hand over|go fetch|go and fetch|go and bring|go bring"
)
ME = Phrases("me|us|to me|over to me|back to me|here|back here|over here|back|to us|to the user|over")
PUT = Phrases("put|place|set|lay|drop|leave|put down|set down|lay down|deposit|release|let go of|place down")
ON = Phrases(
    "on|onto|on to|in|into|at|upon|down on|back on|down in|down at|back in|down onto|down into|on top of|to"
)
FIND = Phrases(
    "find|look for|search for|locate|seek|where is|where's|where are|find out where|search|spot|detect|see",
    "look at|have a look for|go find|go and find|go look for",
)
SEARCH_IN = Phrases("search|look in|look around|search in|search through|explore|look around in")
APPROACH = Phrases("approach|walk up to|go up to|step up to|get close to|come close to|go near|move close to")
WAIT = Phrases("wait|pause|hold on|stay|rest|sleep|stand still|stay there|stay here")
SAY = Phrases("say")
FROM = Phrases(
    "from|in|on|at|inside|off|out of|off of|that is in|that is on|which is in|which is on|that's in",
    "that's on|over in|from inside|lying on|standing on|that is at|from off|on top of|from the top of",
)
BY = Phrases("by|for")
FOR = Phrases("for")
UP = Phrases("up")
DOWN = Phrases("down")
ON_THE_SPOT = Phrases("here")
WITHIN = Phrases("in|of|inside")
INTO = Phrases("over to|back to|back into|to|into")
CARRY = Phrases("carry|transport")
THIS = Phrases("this|that")
IT = Phrases("it|that|this|them|that one|this one|that thing|this thing")
THING = Phrases("one|object|thing|item")

WORDS = frozenset(
    word for table in tuple(globals().values()) if isinstance(table, Phrases) for word in table.words
)
"""Every word that means something by itself."""
MENDABLE = frozenset(
    word
    for table in (STOP, GO, FORWARD, BACKWARD, LEFT, RIGHT, TURN, PICK, BRING, PUT, FIND, APPROACH, WAIT)
    for word in table.words
    if len(word) >= 4 and word.isalpha()
) | {"meters", "meter", "metres", "degrees", "seconds", "centimeters", "please", "then", "the", "and"}
"""Words in which a slip is mended; number words are not, for "sixty" and "sixteen" differ by little."""
