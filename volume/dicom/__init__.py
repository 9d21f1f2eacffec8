"""What knows DICOM: finding files, reading headers, decoding pixels."""
