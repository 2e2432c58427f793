import { writeFileSync } from 'node:fs'
import { renderOpenApi } from './openapi.ts'

writeFileSync('docs/open-connector-service.json', renderOpenApi())
