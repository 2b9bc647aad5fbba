"""A dozen texts of many kinds and lengths, the longest far beyond the maximum length of any model."""

TEXTS = [
    "What was the revenue of the power plant?",
    "",
    "   \n\t ",
    "solar",
    "The lake is cold and deep, and the river that feeds it comes down from the mountains in the north. " * 6,
    "Naïve café über Ærøskøbing, 東京 and Москва; ½ of it ﬁne – “quoted”, e\u0301 combined.",
    "FY2018 net sales were $12,345.67 million (up 8.9% from FY2017), see Note 14(b) on p. 93.",
    "a damaged \ud800 character, and 👩‍👩‍👧 a family",
    "[CLS] a text that writes special tokens [SEP] [PAD] itself",
    "The wind and the water. " * 400,
    "Where is the lake?\nOn page 12.",
    "x" * 5_000,
]
