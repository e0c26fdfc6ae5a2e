// Loads the file `.env` of the current folder into the environment, if it exists. Variables that are set
// already keep their values. In production the environment alone counts.
if (process.env.NODE_ENV !== 'production') {
  try {
    process.loadEnvFile()
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
}
