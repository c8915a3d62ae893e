# Time the same work by semTools and lavaan: Rscript benchmarks/measures.R items.csv [draws]
# (items.csv: benchmarks/measures.py --write items.csv). HTMT by semTools is timed for a few draws and multiplied.
suppressMessages({library(lavaan); library(semTools)})
arguments <- commandArgs(trailingOnly = TRUE)
items <- read.csv(arguments[1])
draws <- if (length(arguments) > 1) as.integer(arguments[2]) else 20
stems <- list(pro = c("pro1", "pro3", "pro4"))
for (stem in c("psc", "flx", "dmd", "nc", "ac", "tc", "df", "icp", "rc", "fg", "ig", "lk", "ec", "cg", "pw", "dg", "rf"))
  stems[[stem]] <- grep(paste0("^", stem, "[0-9]+$"), names(items), value = TRUE)
model <- paste(names(stems), "=~", sapply(stems, paste, collapse = " + "), collapse = "\n")
firms <- split(seq_len(nrow(items)), items$firm_id)
set.seed(1)
htmt_time <- system.time(for (draw in seq_len(draws)) {
  rows <- unlist(firms[sample(length(firms), replace = TRUE)])
  htmt(model, sample.cov = cor(items[rows, unlist(stems)], use = "pairwise.complete.obs"), htmt2 = FALSE)
})
ladder_time <- system.time(for (s in names(stems)) {
  own <- stems[[s]]
  if (length(own) < 3) next
  rows <- na.omit(items[, c("firm_id", "wave", own)])
  once <- rows[!duplicated(rows$firm_id), ]
  # MLR on all rows and on one row a firm, as in compare_scales.
  for (data in list(rows, once)) for (equal in list("", "loadings", c("loadings", "intercepts"))) {
    fit <- cfa(paste("f =~", paste(own, collapse = " + ")), data = data, group = "wave", group.equal = equal,
               std.lv = TRUE, estimator = "MLR")
    fitMeasures(fit, c("chisq.scaled", "cfi.robust", "rmsea.robust", "srmr"))
  }
})
for (work in list(list(sprintf("HTMT by semTools, %d draws", draws), htmt_time, 1), list("the same for 2,000 draws", htmt_time, 2000 / draws),
                  list("invariance over waves by lavaan", ladder_time, 1)))
  cat(sprintf("%-32s %6.1f s, CPU %6.1f s\n", work[[1]], work[[2]]["elapsed"] * work[[3]], work[[2]]["user.self"] * work[[3]]))
