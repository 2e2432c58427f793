import { createCryptoJobs, findMovableBuffers } from './jobs.ts'
import { serveJobs } from './serve-jobs.ts'

serveJobs(createCryptoJobs, findMovableBuffers)
