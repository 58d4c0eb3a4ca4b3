"""`rampose finetune`: from labels to a checked, exported model of one's own keypoints."""
