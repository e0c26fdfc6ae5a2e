/** The name of the file beside a database whose disk is to fail; see failing-disk-worker.ts. */
export const DISK_FAILS = 'disk-fails'
