"""What the program knows about its subject: plain values and rules, standard library only, no input or output."""
