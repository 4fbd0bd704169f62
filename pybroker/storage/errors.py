"""What a store and its logs raise. Each message says what and where, and what to do about it where something can be done."""


class StorageError(Exception):
    """A log cannot take or give bytes: the partition goes offline with KAFKA_STORAGE_ERROR."""


class ExhaustedError(StorageError):
    """The system has no more of something: the call did nothing, and may be made again."""


class DiskFullError(ExhaustedError):
    """No space is left."""


class NoDescriptorError(ExhaustedError):
    """A file cannot be opened just now, since connections hold all descriptors. The log is whole; it may be tried again, a flush too."""


class UnreadableError(StorageError):
    """A log that is copied cannot be read just now. It and its copy are what they were, and the copy may be gone on with."""


class DataDirectoryError(Exception):
    """A data directory cannot be used (locked, foreign, unreadable)."""


class UnusableDirectory(DataDirectoryError):
    """A data directory that may be done without if there is another: it is damaged or not there, not somebody else's."""
