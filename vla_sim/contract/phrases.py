"""The one command language: the fixed phrases of commands and questions, typed or spoken.

The reader of texts takes all of them; of each table the speech grammar listens for those under `spoken`,
since each further word costs recognition accuracy. The longest phrase that fits counts.
"""

from collections.abc import Sequence

from vla_sim.contract.vocabulary import STOP_WORDS


class Phrases:
    """A set of phrases; "a b|c" stands for "a b" and "c". An empty one fits anywhere. spoken: those of them
    that are listened for too."""

    def __init__(self, *texts: str, spoken: str = "") -> None:
        self.spoken = tuple(one for one in spoken.split("|") if one)
        self.texts = (*texts, *self.spoken)
        all_of_them = {tuple(one.split()) for text in self.texts for one in text.split("|")}
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

    def __or__(self, other: "Phrases") -> "Phrases":
        return Phrases(*self.texts, *other.texts)

    def within(self, text: Sequence[str], begin: int, end: int) -> bool:
        """Whether one of them stands in `text[begin:end]`."""
        return any((self.end(text[:end], i) or i) > i for i in range(begin, end))


POLITE = Phrases(
    "could you please|can you please|would you please|will you|would you|would you kindly|can u|could u",
    "would you mind|would you be so kind as to|be so kind as to|do you think you could|if you could",
    "you should|you must|you can|you may|i want you to|i would like you to|i'd like you to|i need you to",
    "i want|i'd like|i would like|i need|for me|let us|let's|kindly|pls|plz|thanks|thank you|very much",
    spoken="please|could you|can you",
)
"""What makes a command polite. "would you" and "please" in one frame are two of these."""
FILLERS = Phrases(
    "robot|hey|hi|hello|ok|okay|so|well|um|uh|er|erm|ah|oh|just|also|now|but|the|a|an|my|your|some|any",
    "immediately|at once|right now|right away|hurry|hurry up|urgently|asap|first|next|finally|afterwards|do",
    "carefully|gently|with care",
)
"""What means nothing by itself, beside `POLITE`, `SLOWLY`, `QUICKLY` and the hands."""
SLOWLY = Phrases(
    "slow|at a slow pace|take it slow|take your time and|take your time|slower|leisurely|not too fast",
    "without hurry",
    spoken="slowly",
)
QUICKLY = Phrases(
    "fast|quick|hurry|hurry up|as fast as you can|as quickly as you can|swiftly|rapidly|faster|speedily",
    spoken="quickly",
)
RUN = Phrases("run|rush|dash|hurry|sprint")
"""Verbs that mean a quick walk."""
LEFT_HAND = Phrases(
    "using your left hand|use your left hand|with the left hand|in your left hand|with your left arm",
    "with left hand|with the left arm|use the left hand|using the left hand|left handed",
    spoken="with your left hand",
)
RIGHT_HAND = Phrases(
    "using your right hand|use your right hand|with the right hand|in your right hand|with your right arm",
    "with right hand|with the right arm|use the right hand|using the right hand|right handed",
    spoken="with your right hand",
)
SKIPPED = POLITE | FILLERS | SLOWLY | QUICKLY | LEFT_HAND | RIGHT_HAND
"""What is stepped over; how and with which hand is read apart from what is to be done."""
URGENT = Phrases(
    "now|immediately|quickly|fast|at once|right now|right away|hurry|hurry up|urgently|quick|asap",
    "as fast as you can",
)
LINKS = Phrases(
    "and after that|after that|and afterwards|and also|to|in order to|,|;|.", spoken="and|then|and then"
)
"""What may stand between two commands; "to" as in "go to the kitchen to find the cup"."""
CORRECTION = Phrases(
    "no|no wait|i mean|i meant|sorry|no i mean|no i meant|no sorry|rather|make that|actually"
)
"""What takes the words before it back: "the red cup, no, the blue one"."""

STOP = Phrases(
    "cancel|abort|stand still|hold still|hold on|whoa|quit|enough|e stop|halt|freeze|stop right now",
    "don't move|do not move|stay|stay there|stay here|stay where you are|never mind|nevermind|wait|pause",
    "stop it|stop that|stop turning|stop right there|stop everything|stop there",
    "cancel that|cancel it|cancel everything|cancel command|cancel task|cancel plan|abort mission|abort that",
    "stop robot|stop here|that's enough|that is enough|stop what you are doing|keep still",
    "hold it right there|hold position|hold your position|quit it",
    spoken="stop|stop now|stop the robot|stop moving|stop walking|halt|freeze|emergency stop",
)
"""Its words that mean stop to every stage are `STOP_WORDS`."""
ONE_WORD_STOP = Phrases(*STOP_WORDS)
"""Which ends what may be any words: a name, what is to be said."""
SURE_STOP = STOP_WORDS | {"emergency"}
"""Words that mean stop also when what follows is not understood; "wait" is not one of them."""
DID = frozenset({"did", "does"})
"""Two words before a stop one of these asks about it: "did you stop at the bank"."""
BEFORE_STOP = frozenset({"a", "any", "you", "have", "need", "to", "ever", "dare", "please", "just", "now"})
"""What may stand between a negation and the stop that it forbids: "you don't need to stop"."""
FORBIDDEN = Phrases("dont", spoken="don't|do not|never")
"""Before a command that is not to be done; it is asked back."""
NEGATIONS = frozenset({"not", "don't", "dont", "never", "without", "cannot", "can't", "neither", "nor"})


def negates(word: str) -> bool:
    """Whether a word says of others that they do not hold: "not", "shouldn't"."""
    return word in NEGATIONS or word.endswith("n't")


GO = Phrases(
    "travel|run|proceed|march|go over|walk over|go on|move over|come over|go straight|bring yourself",
    "take yourself|step|get|make your way|rush|dash|hurry|sprint|stand|go and stand|wander|stroll|head over",
    "head on over|go to and stand",
    spoken="go|walk|navigate|drive|move|return|head|come",
)
TO = Phrases(
    "towards|toward|inside|in|up to|back into|near|on to|onto|at|by|beside|close to|in front of|over into",
    spoken="to|into|over to|back to|next to",
)
ENTER = Phrases("enter|visit|approach|go in|reach|i need you in|i need you at|i want you in")
COME = Phrases("go|return|walk|head|run|come over", spoken="come")
HERE = Phrases(
    "back here|back to me|over here|to where i am|to the user|to us|closer", spoken="here|to me|back"
)
THERE = Phrases("there|over there|to there|back there")
START = Phrases(
    "where you began|where you have started|where you were at first|where you were at the start|start",
    "the start|your start|starting point|starting place|starting position|start position|the beginning",
    spoken="where you started",
)
TAKE_WAY = Phrases("take|use|go by|take the way through|take the way via")
"""Before a place on the way: "take the hallway to the kitchen"."""
VIA = Phrases("by way of|passing through|passing|going through", spoken="via|through")
STEP = Phrases(
    "step|drive|run|back up|back away|advance|travel|shift|reverse|sidestep|take|make|do|go over|move over|",
    spoken="move|go|walk",
)
STEP_ALONE = Phrases("step|sidestep")
"""Verbs that are one step if no distance is said."""
FORWARD = Phrases(
    "forwards|straight|straight ahead|straight forward|straight on|onward|on|to the front",
    spoken="forward|ahead",
)
BACKWARD = Phrases("backwards|to the back", spoken="back|backward")
BACK_UP = Phrases("back up|back away|reverse")
LEFT = Phrases(
    "leftward|leftwards|to your left|to left|sideways left|sideways to the left|sideways to your left",
    spoken="left|to the left",
)
RIGHT = Phrases(
    "rightward|rightwards|to your right|to right|sideways right|sideways to the right",
    "sideways to your right",
    spoken="right|to the right",
)
A_BIT = Phrases(
    "a little bit|slightly|a tiny bit|somewhat|a touch|a bit further|a little further|a bit more",
    "a little more|a tad",
    spoken="a bit|a little",
)
"""`vocabulary.A_BIT` or `A_BIT_TURNED`."""
TURN = Phrases("spin|pivot|swivel|make|do|take|turn yourself|face", spoken="turn|rotate")
A_TURN = Phrases("a turn|turn")
"""What is made or done, of no size: "make a turn to the left", "a left turn"."""
CLOCKWISE = Phrases("clockwise")
COUNTERCLOCKWISE = Phrases("counterclockwise|counter clockwise|anticlockwise|anti clockwise")
AROUND = Phrases("round|back|about|the other way|the other way around|the other way round", spoken="around")
FULL_TURN = Phrases(
    "all the way around|all the way round|around once|once around|full circle|a full turn|full turn",
    "a full circle|in a circle|a full rotation|a complete turn|a whole turn|around completely",
)

PICK = Phrases(
    "pick|get|lift up|grip|seize|catch|collect|hold|raise|take hold of|get hold of|grab hold of",
    "go grab|go and grab|go and take|go and pick up|gather",
    spoken="pick up|grasp|grab|take|lift",
)
BRING = Phrases(
    "deliver|hand|pass|get|hand over|go get|go fetch|go and get|return|transport|move|transfer|relocate",
    "go and fetch|go and bring|go bring|i want|i'd like|i would like|i need|can i have|could i have",
    "may i have|can i get|can you get|could you get|shift",
    spoken="bring|give|fetch|carry|take|move",
)
BRING_USER = Phrases(
    "deliver|hand|pass|hand over|go fetch|go and fetch|go and bring|go bring|go get|go and get|i want",
    "i'd like|i would like|i need|can i have|could i have|may i have|can i get",
    spoken="bring|give|fetch",
)
"""Verbs that bring it to who speaks if no other goal is said."""
ME = Phrases(
    "us|over to me|back to me|back here|over here|to us|to the user|over|for me|for us",
    spoken="me|to me|here|back",
)
CARRY = Phrases("transport|transfer|relocate|shift", spoken="carry|move")
"""Verbs that need a goal."""
PUT = Phrases(
    "lay|leave|lay down|deposit|release|let go of|place down|set down|put down|drop|stack",
    spoken="put|place|set",
)
RELEASE = Phrases("release|let go of|deposit|let", spoken="drop")
"""Verbs that put it down where the robot is if no place is said."""
ON = Phrases(
    "on to|upon|down on|back on|down in|down at|back in|down onto|down into|on top of|to",
    spoken="on|in|at|onto|into",
)
NEXT_TO = Phrases(
    "near|close to|by|alongside|right next to|near to|by the side of|down next to|down beside|over next to",
    spoken="next to|beside",
)
ON_TOP_OF = Phrases("upon|onto|on to|atop|down on|down on top of|over onto", spoken="on top of|on")
INSIDE = Phrases("in|inside|inside of|within|down in|down into|in to", spoken="into")
"""Where something is put, seen from another thing."""
NOT_PUT = Phrases(
    "under|underneath|below|between|behind|in front of",
    "before|above|left of|right of|to the left of|to the right of|on the left of|on the right of|opposite",
)
"""Where nothing is put, seen from another thing."""
FIND = Phrases(
    "locate|seek|where's|where are|find out where|search|spot|detect|see|look at|have a look for|go find",
    "go and find|go look for|do you know where|can you find",
    spoken="find|look for|search for|where is",
)
SEARCH_IN = Phrases("search|look in|look around|search in|search through|explore|look around in")
APPROACH = Phrases("approach|walk up to|go up to|step up to|get close to|come close to|go near|move close to")
WAIT = Phrases("pause|hold on|stay|rest|sleep|stand still|stay there|stay here", spoken="wait")
SAY = Phrases("say")
FROM = Phrases(
    "at|inside|off|out of|off of|that is in|that is on|which is in|which is on|that's in",
    "that's on|over in|from inside|lying on|standing on|that is at|from off|on top of|from the top of",
    spoken="from|in|on",
)
BY = Phrases("for", spoken="by")
FOR = Phrases("for")
UP = Phrases("up")
DOWN = Phrases("down")
ON_THE_SPOT = Phrases("here")
WITHIN = Phrases("in|of|inside")
INTO = Phrases("over to|back to|back into|onto|on to|over onto", spoken="to|into")
INTO_OR_ON = INTO | Phrases("on top of|on")
"""Of verbs that need a goal: "move the cup on the table"; of others that says where it is."""
THIS = Phrases("this|that")
IT = Phrases("that|this|them|that one|this one|that thing|this thing", spoken="it")
THING = Phrases("thing|item", spoken="one|object")
THIS_IS = Phrases("this is|that is|that's|here is|this one is|that one is|this thing is|that thing is")
IS_MINE = Phrases("is|is called")
MINE = Phrases("my")
"""Before the name of a thing that is shown: "this is my mug", "the red cup is my mug"."""

TELL_ME = Phrases(
    "tell me|can you tell me|could you tell me|i want to know|do you know",
    "hey|hi|robot|ok|okay|so|now|right|please",
)
"""What may stand before a question."""
IS_THERE = Phrases(
    "are there|did you see|see if there is|see if there are|see whether there is",
    "check if there is|check whether there is|if there is|if there are|whether there is|is|are",
    "check whether|check if|see if|see whether|do you have|have you got|if|whether",
    spoken="is there|have you seen|do you see|can you see",
)
BE = Phrases("is|are|there|anywhere|be")
HOW_MANY = Phrases(spoken="how many")
EXIST = Phrases(
    "do you see|did you see|do you know|can you see|is|there", spoken="are there|are|have you seen"
)
WHAT_IS = Phrases(
    "what's|what do you see|what can you see|what objects are|what things are|what is there|what is lying",
    "what have you seen|what's there|what did you see|what is standing",
    spoken="what is",
)
WHAT_COLOUR = Phrases("what color is|what colour is|which color is|which colour is|what color has")
WHERE_IS = Phrases("where's|where are|where|do you know where", spoken="where is")
ASK_HOLDING = Phrases(
    "what do you hold|what is in your hand|what's in your hand|what do you have|what have you got|"
    "what are you carrying|do you hold something|are you holding something|are you holding anything",
    spoken="what are you holding",
)
ASK_SEEING = Phrases(
    "what can you see|what have you seen|what do you see now|what is around you|what objects do you see",
    "look around and tell me what you see|what did you see",
    spoken="what do you see",
)
ASK_WHERE = Phrases("what place is this|which room is this|which room are you in", spoken="where are you")
ASK_DOING = Phrases(
    "what are you up to|what is going on|are you busy|where are you going", spoken="what are you doing"
)
ASK_ABLE = Phrases(
    "help|what do you know|what do you understand|what can i say|what can i ask|what commands do you know|"
    "what can you do for me|how can you help|how do you work",
    spoken="what can you do",
)
ASK_PLACES = Phrases(
    "which rooms do you know|what rooms do you know|what places do you know|which rooms are there|"
    "what rooms are there|where can you go|which places are there|what places are there",
    spoken="which places do you know",
)
ASK_THINGS = Phrases(
    "which objects do you know|what objects do you know|what things do you know|what can you pick up|"
    "what can you bring|what can you bring me|what can you find",
    spoken="which things do you know",
)
ASK_WHO = Phrases("what is your name|what's your name|what are you|are you a robot", "who are you")
GREETING = Phrases(
    "hi|hey|good morning|good evening|good afternoon|hello there|hi there|hey there|good day|hello"
)
THANKS = Phrases(
    "thanks|thanks a lot|thank you very much|thank you so much|well done|good job|good robot|thank you"
)

YES = Phrases(
    "yeah|yep|yup|sure|correct|right|that's right|exactly|ok|okay|indeed|affirmative|of course|please do",
    "do it|do that|go ahead|yes please|i did|that is right",
    spoken="yes",
)
NO = Phrases(
    "nope|nah|wrong|that's wrong|not that|not at all|no thanks|no thank you|i did not|i didn't", spoken="no"
)
NEVER_MIND = Phrases(
    "nevermind|forget it|forget that|forget about it|it doesn't matter|nothing", spoken="never mind"
)
OTHER = Phrases("the other|other one|other|not this one|not that one", spoken="the other one")

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
