"""What is measured of pictures: functions of tensors that give one value a picture, or one for two sets."""
