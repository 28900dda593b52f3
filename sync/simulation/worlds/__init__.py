"""Random worlds: people, untrue responses and replaced stores in any order, judged by an independent model.

=========  ==========================================================================================
plan       what a world knows of its workspace: anchors, rule labels, increment
event      something that happens: an act of a person, a run with a fault, a store put back
story      all events of a world, made from a seed
model      who put and removed each label, and what follows from that; knows nothing of the program
operator   the person who starts runs, and gives the option that a refusal names
=========  ==========================================================================================
"""
