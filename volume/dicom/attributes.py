"""The data elements that are read from a header: tag and value representation (PS3.6).

What is not here is passed over without a look at its value.
"""

from __future__ import annotations

from typing import NamedTuple


class Attribute(NamedTuple):
    """A data element of the standard: its tag, and its VR where the file gives none."""

    tag: int
    vr: bytes


TABLE = """
00080005 CS SpecificCharacterSet
00080008 CS ImageType
00080016 UI SOPClassUID
00080018 UI SOPInstanceUID
00080022 DA AcquisitionDate
0008002A DT AcquisitionDateTime
00080032 TM AcquisitionTime
00080033 TM ContentTime
00080060 CS Modality
00080100 SH CodeValue
00080102 SH CodingSchemeDesignator
0008103E LO SeriesDescription
00089007 CS FrameType
00100010 PN PatientName
00100020 LO PatientID
00180010 LO ContrastBolusAgent
00180050 DS SliceThickness
00180060 DS KVP
00180081 DS EchoTime
00180082 DS InversionTime
00180086 IS EchoNumbers
00180088 DS SpacingBetweenSlices
00181060 DS TriggerTime
00181063 DS FrameTime
00181065 DS FrameTimeVector
00181210 SH ConvolutionKernel
00181310 US AcquisitionMatrix
00181312 CS InPlanePhaseEncodingDirection
00181314 DS FlipAngle
00189074 DT FrameAcquisitionDateTime
00189075 CS DiffusionDirectionality
00189076 SQ DiffusionGradientDirectionSequence
00189079 FD InversionTimes
00189082 FD EffectiveEchoTime
00189087 FD DiffusionBValue
00189089 FD DiffusionGradientOrientation
00189112 SQ MRTimingAndRelatedParametersSequence
00189114 SQ MREchoSequence
00189115 SQ MRModifierSequence
00189117 SQ MRDiffusionSequence
00189118 SQ CardiacSynchronizationSequence
00189226 SQ MRImageFrameTypeSequence
00189314 SQ CTReconstructionSequence
00189325 SQ CTXRayDetailsSequence
00189329 SQ CTImageFrameTypeSequence
00189504 SQ XRay3DFrameTypeSequence
00189601 SQ DiffusionBMatrixSequence
00189602 FD DiffusionBValueXX
00189603 FD DiffusionBValueXY
00189604 FD DiffusionBValueXZ
00189605 FD DiffusionBValueYY
00189606 FD DiffusionBValueYZ
00189607 FD DiffusionBValueZZ
00189751 SQ PETFrameTypeSequence
00189807 SQ ImageDataTypeSequence
00189808 CS DataType
0020000D UI StudyInstanceUID
0020000E UI SeriesInstanceUID
00200011 IS SeriesNumber
00200012 IS AcquisitionNumber
00200013 IS InstanceNumber
00200032 DS ImagePositionPatient
00200037 DS ImageOrientationPatient
00200052 UI FrameOfReferenceUID
00200100 IS TemporalPositionIdentifier
00201002 IS ImagesInAcquisition
00204000 LT ImageComments
00209056 SH StackID
00209111 SQ FrameContentSequence
00209113 SQ PlanePositionSequence
00209116 SQ PlaneOrientationSequence
00209128 UL TemporalPositionIndex
00209153 FD NominalCardiacTriggerDelayTime
00209156 US FrameAcquisitionNumber
00209157 UL DimensionIndexValues
00209161 UI ConcatenationUID
00209162 US InConcatenationNumber
00209163 US InConcatenationTotalNumber
00209165 AT DimensionIndexPointer
00209222 SQ DimensionIndexSequence
00209301 FD ImagePositionVolume
00209302 FD ImageOrientationVolume
0020930D FD TemporalPositionTimeOffset
0020930E SQ PlanePositionVolumeSequence
0020930F SQ PlaneOrientationVolumeSequence
00209310 SQ TemporalPositionSequence
00209312 UI VolumeFrameOfReferenceUID
00280002 US SamplesPerPixel
00280004 CS PhotometricInterpretation
00280006 US PlanarConfiguration
00280008 IS NumberOfFrames
00280009 AT FrameIncrementPointer
00280010 US Rows
00280011 US Columns
00280030 DS PixelSpacing
00280100 US BitsAllocated
00280101 US BitsStored
00280102 US HighBit
00280103 US PixelRepresentation
00280120 US PixelPaddingValue
00280121 US PixelPaddingRangeLimit
00280122 FL FloatPixelPaddingValue
00280123 FD DoubleFloatPixelPaddingValue
00280124 FL FloatPixelPaddingRangeLimit
00280125 FD DoubleFloatPixelPaddingRangeLimit
00281050 DS WindowCenter
00281051 DS WindowWidth
00281052 DS RescaleIntercept
00281053 DS RescaleSlope
00281054 LO RescaleType
00281101 US RedPaletteColorLookupTableDescriptor
00281102 US GreenPaletteColorLookupTableDescriptor
00281103 US BluePaletteColorLookupTableDescriptor
00281201 OW RedPaletteColorLookupTableData
00281202 OW GreenPaletteColorLookupTableData
00281203 OW BluePaletteColorLookupTableData
00282110 CS LossyImageCompression
00283000 SQ ModalityLUTSequence
00283002 US LUTDescriptor
00283004 LO ModalityLUTType
00283006 OW LUTData
00289110 SQ PixelMeasuresSequence
00289132 SQ FrameVOILUTSequence
00289145 SQ PixelValueTransformationSequence
004008EA SQ MeasurementUnitsCodeSequence
00409096 SQ RealWorldValueMappingSequence
00409210 SH LUTLabel
00409211 US RealWorldValueLastValueMapped
00409213 FD DoubleFloatRealWorldValueLastValueMapped
00409214 FD DoubleFloatRealWorldValueFirstValueMapped
00409216 US RealWorldValueFirstValueMapped
00409224 FD RealWorldValueIntercept
00409225 FD RealWorldValueSlope
00540010 US EnergyWindowVector
00540020 US DetectorVector
00540022 SQ DetectorInformationSequence
00540030 US PhaseVector
00540050 US RotationVector
00540060 US RRIntervalVector
00540070 US TimeSlotVector
00540080 US SliceVector
00540090 US AngularViewVector
00540100 US TimeSliceVector
00541001 CS Units
00541300 DS FrameReferenceTime
30040002 CS DoseUnits
30040004 CS DoseType
3004000A CS DoseSummationType
3004000C DS GridFrameOffsetVector
3004000E DS DoseGridScaling
52009229 SQ SharedFunctionalGroupsSequence
52009230 SQ PerFrameFunctionalGroupsSequence
"""
"""Tag, VR and keyword. Of those that are US or SS, US: the pixels' own sign says which."""

ASKED_FOR = """
00041220 SQ DirectoryRecordSequence
00041410 US RecordInUseFlag
00041500 CS ReferencedFileID
00080021 DA SeriesDate
00080031 TM SeriesTime
00080070 LO Manufacturer
00080104 LO CodeMeaning
00080201 SH TimezoneOffsetFromUTC
00081090 LO ManufacturerModelName
00101030 DS PatientWeight
00180020 CS ScanningSequence
00180021 CS SequenceVariant
00180022 CS ScanOptions
00180023 CS MRAcquisitionType
00180080 DS RepetitionTime
00180084 DS ImagingFrequency
00180087 DS MagneticFieldStrength
00180091 IS EchoTrainLength
00180095 DS PixelBandwidth
00181020 LO SoftwareVersions
00181072 TM RadiopharmaceuticalStartTime
00181074 DS RadionuclideTotalDose
00181075 DS RadionuclideHalfLife
00181078 DT RadiopharmaceuticalStartDateTime
00181242 IS ActualFrameDuration
00189006 SQ MRImagingModifierSequence
00189034 CS RectilinearPhaseEncodeReordering
00189069 FD ParallelReductionFactorInPlane
00189078 CS ParallelAcquisitionTechnique
00189098 FD TransmitterFrequency
00189125 SQ MRFOVGeometrySequence
00189240 US RFEchoTrainLength
00189241 US GradientEchoTrainLength
00280051 CS CorrectedImage
00540016 SQ RadiopharmaceuticalInformationSequence
00540300 SQ RadionuclideCodeSequence
00541006 CS SUVType
00541102 CS DecayCorrection
00541321 DS DecayFactor
00541323 DS ScatterFractionFactor
"""
"""Read only where it is asked for: how a volume was acquired, what was injected, a DICOMDIR."""
ATTRIBUTES = {
    keyword: Attribute(int(tag, 16), vr.encode())
    for tag, vr, keyword in (line.split() for line in (TABLE + ASKED_FOR).split("\n") if line)
}
"""What is read, by keyword."""
SCANNED = frozenset(int(line.split()[0], 16) for line in TABLE.split("\n") if line)
"""The tags of what is read of every header."""
VR_OF = {attribute.tag: attribute.vr for attribute in ATTRIBUTES.values()}
"""The VR of what is read, by tag."""
