// No declarations: linking this target into a program makes it end with a plain line when memory runs out.
