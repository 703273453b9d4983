"""What a data set holds and what is wrong with it: checked whole, told as tables and as a page with pictures."""
