# Reference values of HTMT, factor correlations, common-method checks. Run: Rscript discriminant.R
# R 4.2.2, semTools 0.5-6, lavaan 0.6-14.
suppressMessages({library(lavaan); library(semTools)})
items <- read.csv("items.csv")
scales <- list(a = paste0("a", 1:4), b = paste0("b", 1:4), c = paste0("c", 1:4), d = paste0("d", 1:3))
model <- paste(sapply(names(scales), function(s) paste(s, "=~", paste(scales[[s]], collapse = " + "))), collapse = "\n")
out <- data.frame()
add <- function(quantity, term, value) out <<- rbind(out, data.frame(quantity, term, value = sprintf("%.15g", value)))
pairwise <- cor(items[, unlist(scales)], use = "pairwise.complete.obs")
for (kind in c("htmt", "htmt2")) {
  for (gaps in c("listwise", "pairwise")) {
    found <- if (gaps == "listwise") htmt(model, data = items, htmt2 = kind == "htmt2") else
      htmt(model, sample.cov = pairwise, htmt2 = kind == "htmt2")
    for (i in 1:3) for (j in (i + 1):4)
      add(paste(kind, gaps), paste(names(scales)[i], names(scales)[j]), found[j, i])
  }
}
values <- eigen(pairwise, only.values = TRUE)$values
add("single factor", "share", values[1] / length(values))
add("single factor", "smallest", min(values))
# Structural after measurement: each scale's factor model alone, then the factors' covariances from the pairs of blocks.
complete <- na.omit(items[, unlist(scales)])
joint <- sam(model, data = complete, mm.list = as.list(names(scales)), sam.method = "local",
             local.options = list(M.method = "ML", veta.force.pd = FALSE))
phi <- cov2cor(lavInspect(joint, "cov.lv"))
for (i in 1:3) for (j in (i + 1):4)
  add("factor correlation", paste(names(scales)[i], names(scales)[j]), phi[names(scales)[i], names(scales)[j]])
for (s in names(scales)) {
  fit <- cfa(paste(s, "=~", paste(scales[[s]], collapse = " + ")), data = complete, std.lv = TRUE)
  add("ave", s, mean(lavInspect(fit, "std")$lambda^2))
}
# A mean of the items if at least half are answered.
average <- function(own) ifelse(rowMeans(is.na(items[, own])) <= 0.5, rowMeans(items[, own], na.rm = TRUE), NA)
marker <- average(c("m1", "m2"))
score <- sapply(scales, average)
r_m <- cor(marker, score, use = "pairwise.complete.obs")
for (s in names(scales)) add("marker correlation", s, r_m[1, s])
lowest <- min(r_m[r_m > 0])
for (i in 1:3) for (j in (i + 1):4) {
  r <- cor(score[, i], score[, j], use = "pairwise.complete.obs")
  adjusted <- (r - lowest) / (1 - lowest)
  df <- length(unique(items$firm)) - 3
  t <- adjusted / sqrt((1 - adjusted^2) / df)
  term <- paste(names(scales)[i], names(scales)[j])
  add("adjusted", term, adjusted)
  add("adjusted t", term, t)
  add("adjusted p", term, 2 * pt(-abs(t), df))
}
write.csv(out, "discriminant.csv", row.names = FALSE, quote = FALSE)
