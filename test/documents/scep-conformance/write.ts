import { writeFileSync } from 'node:fs'
import { listProofs, renderConformance } from './conformance.ts'

writeFileSync('docs/scep-conformance.md', renderConformance(listProofs()))
