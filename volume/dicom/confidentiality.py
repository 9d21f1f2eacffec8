"""What of a data set may say whose images these are (PS3.15 annex E).

The standard's list of attributes that a basic de-identification takes out (table E.1-1,
2026c), and what such a list cannot hold: every person's name, date and time; texts and bytes
of makers' own elements, which may hold anything; elements that no dictionary knows. UIDs stay:
they are the way back to the archive. SeriesDescription stays: it tells series apart.
"""

from __future__ import annotations

from volume.dicom.encoding import VRS

TABLE = """
0008: 0050 0054 0055 0080 0081 0082 0092 0094 0096 009D 0201 1000 1010 1030 1040 1041 1049 1052
      1062 1072 1080 1084 1088 1110 1111 1120 1301 1302 1303 1304 2111 4000
0010: 0011 0012 0013 0014 0015 0016 0020 0021 0040 0041 0042 0043 0044 0045 0046 0047 0050 0101
      0102 1000 1002 1020 1030 1040 1050 1080 1081 1090 1100 2000 2110 2150 2152 2154 2155 2160
      2161 2162 2180 21A0 21B0 21C0 21F0 2203 2299 4000
0012: 0010 0020 0021 0022 0023 0030 0031 0032 0040 0041 0042 0043 0050 0051 0055 0060 0071 0072
      0073 0081 0082
0016: 002B 004B 004D 004E 004F 0050 0051 0070 0071 0072 0073 0074 0075 0076 0078 0079 007A 007B
      007C 007D 007E 007F 0080 0081 0082 0083 0084 0085 0086 0087 0088 0089 008A 008B 008C 008E
0018: 0010 1000 1004 1005 1007 1008 1009 100A 1010 1011 1030 11BB 1400 4000 5011 700A 9185 9367
      9371 9373 937B 937F 9424 9937 A003
0020: 0010 0027 3401 3406 4000 9158
0028: 4000
0032: 0012 1020 1021 1030 1033 1060 1066 1067 1070 4000
0034: 0001 0002 0005 0007
0038: 0004 0010 0011 0014 001E 0040 0050 0060 0061 0062 0064 0300 0400 0500 4000
003A: 0020 0203 020C 0329 032B
0040: 0001 0007 0009 000B 0010 0011 0012 0241 0242 0243 0253 0254 0275 0280 0310 050A 0512 0513
      051A 0551 0555 0556 0562 0600 0602 0610 06FA 1001 1002 1004 1005 100A 1011 1101 1102 1103
      1104 1400 2001 2009 2010 2011 2016 2017 2400 3001 4025 4027 4028 4030 4034 4035 4036 A027
      A034 A035 A073 A078 A07A A07C A088 A353 A354 A358 A730 B020 B034 B036 B03B B03F E012
0042: 0011
0050: 001B 0020 0021
006A: 0005 0006
0070: 0001 0006 0086
0072: 005E 0065 0066 0068 006C 006D 006E 0070 0071
0074: 1234 1236
0088: 0200 0904 0906 0910 0912
0400: 0115 0310 0402 0403 0404 0550 0551 0552 0561 0563 0564 0565 0600
2030: 0020
2100: 0070 0140
2200: 0002 0005
3002: 0121 0123
3006: 0002 0004 0006 0026 0028 0038 004D 004E 0085 0088
3008: 0105
300A: 0002 0003 0004 000B 000E 0016 0072 00B2 00C3 00DD 0196 01A6 01B2 0216 02EB 0608 0611 0615
      0619 0623 062A 0676 067C 067D 0734 0742 0783 078E 0792 0794 079A
300C: 0113
3010: 000F 0017 001B 002D 0033 0034 0035 0036 0037 0038 0043 0054 0056 005A 005C 0061 0077 007A
      007B 007F 0081
4000: 0010 4000
4008: 0040 0042 010B 0111 0115 0118 011A 0200 0202 0300 4000
FFFA: FFFA
FFFC: FFFC
"""
"""Group: elements of table E.1-1, but those that are named by their VR below, UIDs, the two
sequences of references that hold nothing else, and SeriesDescription."""

ALWAYS = frozenset({"PN", "DA", "TM", "DT", "AS"})
"""VRs of names, dates, times and ages."""
NUMBERS = frozenset("US SS UL SL UV SV FL FD AT".split())
HARMLESS = NUMBERS | {"UI"}
"""VRs of private and unknown elements that are shown."""
CURVES, OVERLAYS = 0x5000, 0x6000
OVERLAY_TEXTS = frozenset({0x3000, 0x4000})
FILE_META = frozenset({0x0016, 0x0017, 0x0018, 0x0026, 0x0027, 0x0028, 0x0102})
"""Of group 0002: titles and addresses of the machines it came through, private information."""


def _tags() -> frozenset[int]:
    tags, group = set(), 0
    for word in TABLE.split():
        if word.endswith(":"):
            group = int(word[:-1], 16)
        else:
            tags.add(group << 16 | int(word, 16))
    return frozenset(tags)


PROFILE = _tags()


def may_identify(tag: int, vr: str, *, known: bool) -> bool:
    """Say whether an element may name the patient, or others, or when and where it was.

    `known` is whether a dictionary has it: the standard's, or for a private creator's name the
    list of those there are.
    """
    group, element = tag >> 16, tag & 0xFFFF
    if tag in PROFILE or vr in ALWAYS:
        return True
    if group == 0x0002:
        return element in FILE_META or not known
    if group & 0xFF00 == CURVES or (group & 0xFF00 == OVERLAYS and element in OVERLAY_TEXTS):
        return True
    if group & 1 and 0x10 <= element <= 0xFF:
        return not known
    if (group & 1 or not known) and element:
        return vr not in HARMLESS
    return vr.encode() not in VRS
